"""The transforms of `freqopt.streams.transforms` for one word, operation by operation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from freqopt.backends.numba.arithmetic._elementary import horner, log
from freqopt.backends.numba.jit._compile import compiled
from freqopt.backends.numba.streams._philox import multiply_wide
from freqopt.streams.transforms import _CENTRE, _FAR_TAIL, _TAIL

_11, _12 = np.uint64(11), np.uint64(12)


@compiled
def uniform(word: Any) -> float:
    """Uniform in [0, 1): the upper 53 bits."""
    return np.int64(word >> _11) * 2.0**-53


@compiled
def open_uniform(word: Any) -> float:
    """Uniform in (0, 1): the upper 52 bits."""
    return (np.int64(word >> _12) + 0.5) * 2.0**-52


@compiled
def index(word: Any, n: int) -> int:
    """Integer in [0, n)."""
    return np.int64(multiply_wide(word, np.uint64(n))[0])


@compiled
def normal(word: Any) -> float:
    """Standard normal."""
    return inverse_normal(open_uniform(word))


@compiled
def inverse_normal(u: float) -> float:
    """The z with Phi(z) = u."""
    q = u - 0.5
    if abs(q) <= 0.425:
        x = 0.180625 - q * q
        return q * (horner(x, _CENTRE[0]) / horner(x, _CENTRE[1]))
    r = math.sqrt(-log(min(u, 1.0 - u)))
    if r <= 5.0:
        size = horner(r - 1.6, _TAIL[0]) / horner(r - 1.6, _TAIL[1])
    else:
        size = horner(r - 5.0, _FAR_TAIL[0]) / horner(r - 5.0, _FAR_TAIL[1])
    return -size if q < 0.0 else size
