"""Rules with a buffer of critical gradients, compiled: its rows, and a step around it."""
