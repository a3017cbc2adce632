"""The rows of a batch, dealt out to parts by a hash.

All occurrences of a row meet the same part, in their order. So parts need no locks, and the bits do
not depend on their number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from freqopt.backends.numba._compile import compiled
from freqopt.backends.numba._index import BINS, bin_of, region_of


@compiled
def in_range(rows: Any, size: int) -> bool:
    """Whether every row lies in [0, size)."""
    largest = np.uint64(0)
    for b in range(rows.size):
        largest = max(largest, np.uint64(rows[b]))  # a negative row is a large one
    return rows.size == 0 or largest < np.uint64(size)


@compiled
def deal(part: int, rows: Any, space: Any) -> tuple[int, int, tuple[int, int]]:
    """Find the hash bins of a part, with a nearly equal share of the work, and its occurrences.

    Fills, of `Workspace.space`: bounds[part], the first bin; starts[part], where the occurrences
    begin; and `own` from there on, their numbers in ascending order. One place is left free behind
    every part. Each part counts all occurrences by itself, which takes less than waiting for one
    that does it for all.

    Returns
    -------
    start, end, region
        Of the part's places in `own`; and in the index, see `_index`.
    """
    bounds, starts, ends, bins, own, _, _, _, _, _, _ = space
    parts, batch, here = ends.size, rows.size, bins[part]
    first, start, behind, end = 0, 0, BINS, batch
    if parts > 1:
        here[:] = 0
        for b in range(batch):
            here[bin_of(rows[b])] += 1
        dealt, reached = 0, 0
        for bin_ in range(BINS):
            while reached + 1 < parts and dealt * parts >= (reached + 1) * batch:
                reached += 1
                if reached == part:
                    first, start = bin_, dealt
                elif reached == part + 1:
                    behind, end = bin_, dealt
            dealt += here[bin_]
        if reached < part:
            first, start = BINS, batch
    start, end = start + part, end + part
    bounds[part], starts[part] = first, start
    if part + 1 == parts:
        bounds[parts], starts[parts] = BINS, end + 1
    kept = start
    for b in range(batch):
        own[kept] = b
        kept += first <= bin_of(rows[b]) < behind
    return start, end, region_of(start, end)
