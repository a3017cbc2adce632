"""The rows of a batch, partitioned by a hash.

All occurrences of a row meet the same part, in their order. So parts need no locks, and the bits do
not depend on their number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from freqopt.backends.numba.batch._index import BINS, bin_of, region_of
from freqopt.backends.numba.batch._space import Space
from freqopt.backends.numba.jit._compile import compiled


@compiled
def in_range(rows: Any, size: int) -> bool:
    """Whether every row lies in [0, size)."""
    largest = np.uint64(0)
    for b in range(rows.size):
        largest = max(largest, np.uint64(rows[b]))  # a negative row is a large one
    return rows.size == 0 or largest < np.uint64(size)


@compiled
def partition(part: int, rows: Any, space: Space) -> tuple[int, int, tuple[int, int]]:
    """Find the hash bins of a part, with a nearly equal share of the work, and its occurrences.

    Fills, of the space: owners[part], the part of every bin; starts[part], where the part's
    occurrences begin; and `own` from there on, their numbers in ascending order. One place is left
    free behind every part. Each part counts all occurrences by itself, which takes less than
    waiting for one that does it for all.

    Returns
    -------
    start, end, region
        Of the part's places in `own`; and in the index, see `_index`.
    """
    own, parts, batch = space.own, space.ends.size, rows.size
    owner, here = space.owners[part], space.bins[part]
    start, end = 0, batch
    if parts > 1:
        here[:] = 0
        for b in range(batch):
            here[bin_of(rows[b])] += 1
        start, end = _balance(here, owner, parts, batch, part)
    start, end = start + part, end + part
    space.starts[part] = start
    if part + 1 == parts:
        space.starts[parts] = end + 1
    kept = start
    for b in range(batch):
        own[kept] = b
        kept += owner[bin_of(rows[b])] == part
    return start, end, region_of(start, end)


@compiled
def _balance(counts: Any, owner: Any, parts: int, batch: int, part: int) -> tuple[int, int]:
    """Give every bin to the part with the least work so far, bins of over twice the mean first.

    Returns where a part's occurrences begin and end if the parts' follow each other.
    """
    load = owner[BINS:]
    load[:] = 0
    for heavy in (True, False):
        for bin_ in range(BINS):
            if (counts[bin_] * BINS > 2 * batch) == heavy:
                least = 0
                for other in range(1, parts):
                    if load[other] < load[least]:
                        least = other
                owner[bin_] = least
                load[least] += counts[bin_]
    start = 0
    for other in range(part):
        start += load[other]
    return start, start + load[part]
