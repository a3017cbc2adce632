"""Norms over a whole batch: its entries in ascending order of their rows, folded."""

from __future__ import annotations

from typing import Any

import numpy as np

from freqopt.backends.numba.arithmetic._rows import fold, scale
from freqopt.backends.numba.batch._index import BINS
from freqopt.backends.numba.batch._space import Space
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
def ascending(space: Space) -> int:
    """Put the entries into `own`: round after round, each in ascending order of rows; their number.

    It comes after `preprocess`; what `own` and `numbers` held is used up.
    """
    starts, ends, own, numbers = space.starts, space.ends, space.own, space.numbers
    count = 0
    for part in range(ends.size):
        for e in range(starts[part], ends[part]):
            own[count] = e
            count += 1
    sort_by(space.row, own, numbers, count, space.bins[0])
    sort_by(space.rank, own, numbers, count, space.bins[0])
    return count


@compiled
def clip_batch(limit: Any, space: Space) -> None:
    """Turn the squared norm of every entry into what its round is multiplied by.

    limit : number of the table's dtype
        Largest norm of a round.
    """
    own, rank, norms, count = space.own, space.rank, space.norms, ascending(space)
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
    clip_batch(limit, Space(*space))


@entry("clip whole")
def clip_whole(limit: Any, space: Any) -> None:
    """Clip a batch of one part, for the loop."""
    space = Space(*space)
    clip_batch(limit, space)
    for e in range(space.starts[0], space.ends[0]):
        scale(space.sums, ~space.place[e], space.norms[0, e])
