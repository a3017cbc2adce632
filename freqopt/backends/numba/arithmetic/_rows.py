"""Row arithmetic in the declared order of summation. The dtype is that of the arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from freqopt.backends.numba.jit._compile import compiled, inlined
from freqopt.backends.numba.jit._memory import Reals, address, sweep


@compiled
def _sum(_: Any, lower: Reals, upper: Reals) -> Reals:
    return (lower[0] + upper[0],)


@inlined
def fold(work: Any, width: int) -> Any:
    """Sum of work[:width] as `freqopt.streams.fold`; the numbers are used up."""
    half, start, size = 1, address(work, 0), work.itemsize
    while 2 * half < width:
        half *= 2
    if width > 1:
        sweep(_sum, (), (start,), (start + half * size,), width - half, work.dtype)
    while half > 8:
        half //= 2
        sweep(_sum, (), (start,), (start + half * size,), half, work.dtype)
    # The last three halvings without loops, which would be longer than their work.
    if half == 8:
        evens = (work[0] + work[4]) + (work[2] + work[6])
        return evens + ((work[1] + work[5]) + (work[3] + work[7]))
    if half == 4:
        return (work[0] + work[2]) + (work[1] + work[3])
    return work[0] + work[1] if half == 2 else work[0]


@compiled
def squared_norm(rows: Any, i: int, work: Any) -> Any:
    """Sum the squares of row i in the declared order; `work` has room for a row."""
    width = rows.shape[1]
    for j in range(width):
        work[j] = rows[i, j] * rows[i, j]
    return fold(work, width)


@compiled
def scale(rows: Any, i: int, factor: Any) -> None:
    """Multiply row i by a number of its dtype."""
    for j in range(rows.shape[1]):
        rows[i, j] *= factor


@compiled
def clip(rows: Any, i: int, limit: Any, work: Any) -> None:
    """Scale row i down to Euclidean norm `limit`, of its dtype, if it is longer."""
    norm = np.sqrt(squared_norm(rows, i, work))
    if norm > limit:
        scale(rows, i, limit / norm)
