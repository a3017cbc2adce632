"""Backends as implementations, so that the kit judges them like anybody's optimizer."""

from __future__ import annotations

from freqopt.crosscheck.implementation import Floats, Given, Step, stepping
from freqopt.optimizers import Rule


def numba(rule: Rule, table: Floats, given: Given) -> Step:
    """The fused step of the Numba backend."""
    from freqopt.backends.numba import step

    return stepping(step)(rule, table, given)
