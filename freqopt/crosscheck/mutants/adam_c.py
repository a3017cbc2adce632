"""Mutants of Adam_C."""

from __future__ import annotations

EQUIVALENT = {"kappa_zero = parent": "acts at kappa = 0, where the default, official, is an error"}
