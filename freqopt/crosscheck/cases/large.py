"""Exercises whose size is the point: many rows, long rows, a crowded batch, many steps.

As the others (`exercises`): numbers of at most 8 significant bits, exact sums of a row's
occurrences. What each is there to catch:

    rows_300, rows_70000        row numbers that go through int8, uint8, int16, uint16
    wide_34, wide_95, wide_257  columns left over after whole vectors of 4 to 128 numbers
    crowd                       1,500 occurrences in one batch, one row 300 times
    long                        1,500 steps: counters that saturate, means that settle (row 0 gets
                                one gradient always), rows that come after 299 and 1,299 steps
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import DTypeLike

from freqopt.crosscheck.cases.exercises import SEED, Exercise, eighths
from freqopt.streams import Stream
from freqopt.streams.transforms import index
from freqopt.typing import Floats, Integers

LARGE = ("rows_300", "rows_70000", "wide_34", "wide_95", "wide_257", "crowd", "long")
"""The names of these exercises."""

LONG = 1500
"""Steps of the exercise `long`."""

_CONSTANT = np.array([7, 21, 35, 49, 63, 77, 91, 105]) / 256
"""A centred mean square in float32 rounds below 0 on some of these, from step 1,136 on."""

_EDGES = (0, 126, 127, 128, 129, 254, 255, 256, 257)
_FAR = (*_EDGES, 32766, 32767, 32768, 32769, 65534, 65535, 65536, 65537)


@cache
def sizes(dtype: DTypeLike) -> dict[str, Exercise]:
    """The large exercises of few steps, by name.

    Parameters
    ----------
    dtype : float32 or float64
    """
    found = [
        _rows("rows_300", 300, 2, _EDGES, dtype),
        _rows("rows_70000", 70_000, 1, _FAR, dtype),
        *(_wide(width, dtype) for width in (34, 95, 257)),
        _crowd(dtype),
    ]
    return {exercise.name: exercise for exercise in found}


@cache
def long(dtype: DTypeLike, steps: int = LONG) -> Exercise:
    """The exercise of many steps on a table of 4 rows."""
    name, width = "long", 8
    table = eighths(Stream(SEED, 0, "long table"), 0, 4 * width).reshape(4, width) / 64
    drawn = eighths(Stream(SEED, 0, "long grads"), 0, steps * 3 * width).reshape(steps, 3, width)
    batches: list[tuple[Integers, Floats]] = []
    for t in range(1, steps + 1):
        rows = [0]
        if t % 97 == 3 and t < 300:
            rows = []
        elif t % 3 == 0:
            rows = [0, 1, 1]
        elif t in (1, 300, 1400):
            rows = [0, 2]
        elif t >= 1300 and t % 5 == 0:
            rows = [3, 0]
        grads = drawn[t - 1, : len(rows)] / 256
        grads[[row == 0 for row in rows]] = _CONSTANT
        batches.append((np.array(rows, np.int64), grads.astype(dtype)))
    return Exercise(name, table.astype(dtype), tuple(batches))


def _rows(name: str, size: int, width: int, edges: tuple[int, ...], dtype: DTypeLike) -> Exercise:
    """Rows around the largest numbers of narrow integers, and the last row of the table."""
    table = eighths(Stream(SEED, 0, f"{name} table"), 0, size * width).reshape(size, width) / 64
    every = np.array([*edges, size - 1], np.int64)
    rows = [every[::-1], every[::2], np.empty(0, np.int64), every[-1:], np.repeat(every, 2)]
    return _made(name, table, rows, dtype)


def _wide(width: int, dtype: DTypeLike) -> Exercise:
    name = f"wide_{width}"
    table = eighths(Stream(SEED, 0, f"{name} table"), 0, 5 * width).reshape(5, width) / 64
    rows = [(0, 2, 0), (4,), (), (1, 2, 1, 4), (2, 0)]
    return _made(name, table, [np.array(some, np.int64) for some in rows], dtype)


def _crowd(dtype: DTypeLike) -> Exercise:
    """A row 300 times, 1,200 occurrences of 900 others; then few, none, one."""
    size = 1000
    table = eighths(Stream(SEED, 0, "crowd table"), 0, size * 2).reshape(size, 2) / 64
    others = 1 + index(Stream(SEED, 0, "crowd rows").words(0, 1200), 900)
    rows = np.concatenate([np.zeros(300, np.int64), others.astype(np.int64)])
    rows = rows[np.argsort(Stream(SEED, 0, "crowd order").uniform(0, rows.size), kind="stable")]
    few = np.array([3, 3, 999, 0], np.int64)
    return _made("crowd", table, [rows, few, few[:0], few[:1], rows[:1100]], dtype)


def _made(name: str, table: Floats, rows: list[Integers], dtype: DTypeLike) -> Exercise:
    stream = Stream(SEED, 0, f"{name} grads")
    width = table.shape[1]
    batches = tuple(
        (some, (eighths(stream, t, some.size * width).reshape(-1, width) / 64).astype(dtype))
        for t, some in enumerate(rows)
    )
    return Exercise(name, table.astype(dtype), batches)
