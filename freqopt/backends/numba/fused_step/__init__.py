"""`Rule.step` in two compiled calls, one for the batch and one for the table."""
