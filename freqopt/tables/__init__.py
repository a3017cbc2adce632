"""Floor 1: embedding tables, plain and factorised."""
