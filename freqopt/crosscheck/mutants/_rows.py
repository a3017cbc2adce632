"""Mutants of the rows that a step updates."""

from __future__ import annotations

EDITS = {"g not squared": ("grads * grads if self", "abs(grads) if self")}
