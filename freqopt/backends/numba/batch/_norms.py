"""Norms over a whole batch: its entries in ascending order of their rows, folded."""

from __future__ import annotations

from typing import Any

import numpy as np

from freqopt.backends.numba.arithmetic._rows import fold, scale
from freqopt.backends.numba.batch._index import BINS
from freqopt.backends.numba.jit._compile import compiled, entry

DIGIT = 8
"""Bits of a key that one pass of the radix sort looks at."""


@compiled
def copy(source: Any, target: Any, count: int) -> None:
    """target[:count] = source[:count]."""
    for k in range(count):
        target[k] = source[k]


@compiled
def sort_by(keys: Any, order: Any, spare: Any, count: int, bins: Any) -> None:
    """Sort the entries order[:count] by keys >= 0, equal ones as they came; bins (BINS,)."""
    most = 0
    for k in range(count):
        most = max(most, keys[order[k]])
    shift = 0
    while most >> shift > 0:
        bins[:] = 0
        for k in range(count):
            bins[(keys[order[k]] >> shift) & (BINS - 1)] += 1
        before = 0
        for digit in range(BINS):
            here = bins[digit]
            bins[digit] = before
            before += here
        for k in range(count):
            digit = (keys[order[k]] >> shift) & (BINS - 1)
            spare[bins[digit]] = order[k]
            bins[digit] += 1
        copy(spare, order, count)
        shift += DIGIT


@compiled
def ascending(space: Any) -> int:
    """Put the entries into `own`: wave after wave, each in ascending order of rows; their number.

    space: `Workspace.space` after `gather`; what `own` and `numbers` held is used up.
    """
    _, starts, ends, bins, own, numbers, (row, _, _, rank), _, _, _, _ = space
    count = 0
    for part in range(ends.size):
        for e in range(starts[part], ends[part]):
            own[count] = e
            count += 1
    sort_by(row, own, numbers, count, bins[0])
    sort_by(rank, own, numbers, count, bins[0])
    return count


@compiled
def clip_batch(limit: Any, space: Any) -> None:
    """Turn the squared norm of every entry into what its wave is multiplied by.

    limit : number of the table's dtype
        Largest norm of a wave.
    """
    _, _, _, _, own, _, (_, _, _, rank), _, _, norms, _ = space
    count = ascending(space)
    first = 0
    while first < count:
        end = first
        while end < count and rank[own[end]] == rank[own[first]]:
            norms[1, end - first] = norms[0, own[end]]
            end += 1
        norm = np.sqrt(fold(norms[1], end - first))
        factor = limit / norm if norm > limit else 1
        for k in range(first, end):
            norms[0, own[k]] = factor
        first = end


@entry("clip all")
def clip_all(limit: Any, space: Any) -> None:
    """`clip_batch`, for Python."""
    clip_batch(limit, space)


@entry("clip whole")
def clip_whole(limit: Any, space: Any) -> None:
    """Clip a batch of one part, for the loop."""
    _, starts, ends, _, _, _, (_, place, _, _), sums, _, norms, _ = space
    clip_batch(limit, space)
    for e in range(starts[0], ends[0]):
        scale(sums, ~place[e], norms[0, e])
