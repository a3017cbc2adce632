"""Mutants of the learning rate at a batch."""

from __future__ import annotations

EDITS = {"lr decays a batch early": ("x = (t - 1) * d", "x = t * d")}
