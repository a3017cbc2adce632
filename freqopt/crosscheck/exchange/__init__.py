"""How foreign code and freqopt exchange cases and answers.

A `process` that speaks a `protocol` over pipes (`child`), `files` in a folder (`encoding`,
`vectors`), or a user's own `python_file`.
"""
