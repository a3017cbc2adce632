"""Backends as implementations, so that the kit judges them like anybody's optimizer."""

from __future__ import annotations

from freqopt.crosscheck.implementation import Floats, Given, Integers, Step, shown
from freqopt.optimizers import Rule


def numba(rule: Rule, table: Floats, given: Given) -> Step:
    """The fused step of the Numba backend."""
    from freqopt.backends.numba import step as fused

    state = rule.init(table, **given)

    def step(rows: Integers, grads: Floats) -> Floats:
        fused(rule, table, state, rows, grads)
        return shown(rule, table, state)

    return step
