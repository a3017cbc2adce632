"""What does an implementation mean that is not what was asked for?

`fingerprint` is the way in. `search` puts every combination of a rule's options at once
(`option_sets`) through the batches that were `observed`, along the `step_paths` that the options
take, beginning with the `first_row`; `meanings` says which of them do what was seen; `hypotheses`
are tried where none does. `words` and `divergence` are the text.
"""
