"""Floor 1: the reference rules, one per file."""
