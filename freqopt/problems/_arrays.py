"""What problems share about tables and random draws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from freqopt.streams import Stream
from freqopt.typing import Doubles, Floats, Integers

CHUNK = 1 << 16  # numbers handled at a time: the temporaries stay in cache


def whole(table: Any, size: int) -> Doubles:
    """All `size` rows of a table, float64 (size, d)."""
    return np.asarray(table[np.arange(size)], np.float64)


def gather(table: Any, rows: Integers) -> Floats:
    """Rows of any shape (...) -> (..., d)."""
    flat: Floats = table[rows.reshape(-1)]
    return flat.reshape(*rows.shape, -1)


def signs(stream: Stream, steps: Integers, n: int) -> Doubles:
    """+1 or -1 with probability 1/2 each, float64 (..., n): one bit each.

    Sign j of a step is bit j % 64 of its word j // 64; a set bit is +1.
    """
    words = stream.words(steps, -(-n // 64))
    bits = words[..., None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
    return bits.reshape(*words.shape[:-1], -1)[..., :n].astype(np.float64) * 2.0 - 1.0


def normals(seed: int, run: int, purpose: str, shape: tuple[int, int]) -> Doubles:
    """Independent standard normals, float64 of `shape`: step 0 of the stream, in C order."""
    return Stream(seed, run, purpose).normal(0, shape[0] * shape[1]).reshape(shape)


def add_rows(rows: Integers, values: Doubles, size: int) -> Doubles:
    """Sum of the values of each row, one after the other: (n,), (n, d) -> (size, d)."""
    columns = [np.bincount(rows, column, size) for column in np.ascontiguousarray(values.T)]
    return np.stack(columns, axis=1)


def parts(n: int, width: int) -> Iterator[slice]:
    """Slices of 0 .. n-1, in order, whose `width` numbers per row fit the cache."""
    height = max(1, CHUNK // width)
    return (slice(start, min(start + height, n)) for start in range(0, n, height))
