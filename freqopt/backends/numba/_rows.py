"""Row arithmetic in the declared order of summation. The dtype is that of the arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from freqopt.backends.numba._compile import compiled, inlined


@inlined
def fold(work: Any, width: int) -> Any:
    """Sum of work[:width] as `freqopt.streams.fold`; the numbers are used up."""
    half = 1
    while 2 * half < width:
        half *= 2
    for j in range(half, width):
        work[j - half] += work[j]
    while half > 1:
        half //= 2
        for j in range(half):
            work[j] += work[j + half]
    return work[0]


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
