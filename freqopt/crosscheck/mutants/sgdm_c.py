"""Mutants of SGDM_C."""

from __future__ import annotations

EQUIVALENT = {"lr twice": "acts at momentum = 0, where this is rule sgd_c"}
