"""Exponential tails, `freqopt.streams.exponential_tail`: an alias table, or inversion."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from freqopt.backends.numba.arithmetic._elementary import log1p
from freqopt.backends.numba.jit._compile import compiled
from freqopt.backends.numba.streams import alias
from freqopt.backends.numba.streams._law import Law
from freqopt.backends.numba.streams._transforms import open_uniform
from freqopt.streams import ExponentialTail


@compiled
def _inverted(word: Any, key: Any, step: int, position: int, data: Any) -> int:
    rate, whole, last = data
    depth = -log1p(open_uniform(word) * whole) / rate
    return np.int64(min(math.floor(depth), last))


def law(tail: ExponentialTail) -> Law:
    """A draw, by whichever way the size asks for."""
    if tail.table is not None:
        return alias.law(tail.table)
    return Law("exponential", (tail.rate, float(tail._whole), tail.size - 1.0), _inverted)
