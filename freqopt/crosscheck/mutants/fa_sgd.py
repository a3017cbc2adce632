"""Mutants of fa_sgd."""

from __future__ import annotations

EQUIVALENT = {"duplicates = squares": "nothing here has a second moment"}
