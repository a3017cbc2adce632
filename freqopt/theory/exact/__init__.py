"""Expectations without sampling: recursions, closed forms, enumeration, and their models."""
