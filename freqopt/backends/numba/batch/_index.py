"""From a row to its entry in the batch, and from a row to the part that owns it.

Two forms. Direct: one int32 for every row of the table. Hashed: a table for the rows of the batch,
with a region for each part. Neither is ever cleared: an entry counts only if its number is at
least `base`, which moves past all numbers in use after each batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from freqopt.backends.numba.batch._space import Space
from freqopt.backends.numba.jit._compile import compiled

BINS = 256
"""Hash bins that are partitioned."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: spreads consecutive rows
_BIN_SHIFT = np.uint64(56)  # the upper 8 bits choose the bin, the ones below the place
_PLACE_SHIFT = np.uint64(20)


@compiled
def bin_of(row: int) -> int:
    """The hash bin of a row."""
    return int((np.uint64(row) * _FACTOR) >> _BIN_SHIFT)


@compiled
def region_of(start: int, end: int) -> tuple[int, int]:
    """First place and mask of a part's region in the hashed form; it is never more than half full.

    The occurrences of the part are start .. end - 1.
    """
    places = 1
    while 2 * places <= 4 * (end + 1 - start):
        places *= 2
    return 4 * start, places - 1


@compiled
def place_of(index: Any, region: tuple[int, int], base: int, row: int) -> int:
    """Where a row is in the index, or where it goes."""
    direct, keys, entries = index
    if direct.size:
        return row
    first, mask = region
    at = int((np.uint64(row) * _FACTOR) >> _PLACE_SHIFT) & mask
    while entries[first + at] >= base and keys[first + at] != row:
        at = (at + 1) & mask
    return first + at


@compiled
def entry_at(index: Any, base: int, at: int) -> int:
    """The entry at a place; negative if there is none."""
    direct, _, entries = index
    return (direct[at] if direct.size else entries[at]) - base


@compiled
def set_entry(index: Any, base: int, at: int, row: int, entry: int) -> None:
    """Make `entry` the entry of a row, at its place."""
    direct, keys, entries = index
    if direct.size:
        direct[at] = base + entry
    else:
        keys[at] = row
        entries[at] = base + entry


@compiled
def entry_of(index: Any, region: tuple[int, int], base: int, row: int) -> int:
    """The entry of a row; negative if it has none."""
    return entry_at(index, base, place_of(index, region, base, row))


@compiled
def entry_in_batch(i: int, space: Space, index: Any, base: int) -> int:
    """The entry of any row of the table; negative if the batch does not hold it."""
    owner, starts = space.owners[0, bin_of(i)], space.starts
    return entry_of(index, region_of(starts[owner], starts[owner + 1] - 1), base, i)
