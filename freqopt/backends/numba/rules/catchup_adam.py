"""Catch-up Adam: the equations of rule `adam`, and the batch up to which a row is settled."""

from __future__ import annotations

from typing import Any

from freqopt.backends.numba._compile import compiled
from freqopt.backends.numba._kernel import BITWISE, Kernel, Reals, Structure, Visit
from freqopt.backends.numba.rules import adam

levels = BITWISE


def kernel(rule: Structure) -> Kernel:
    """Adam's kernel; `_settle` replays the missed batches with it, (1) of the rule's file."""
    scalars, element, adams_row, term, _ = adam.kernel(rule)

    @compiled
    def row(c: Reals, s: Reals, visit: Visit, total: Any) -> tuple[Reals, Reals]:
        r, kept = adams_row(c, s, visit, total)
        return r, (*kept, visit.t)

    return Kernel(scalars, element, row, term)
