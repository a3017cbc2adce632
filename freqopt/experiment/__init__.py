"""Floor 5: a study file becomes runs, runs become stored results."""
