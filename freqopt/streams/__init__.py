"""Floor 0: counter-based random bits and the samplers built on them."""
