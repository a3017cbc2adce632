"""What an implementation is put through: a table and batches that make every axis matter.

Every number is dyadic with at most 8 significant bits, and all occurrences of a row within a batch
share one exponent. So sums over occurrences, and over a row's squares, are exact in float32 in any
order: an implementation may add in the order it likes, and what differs after that is its meaning.

What the batches hold, and what each piece is there to catch:

    a duplicate in every full batch        how occurrences combine
    a row never touched                    dense updates, writes to the wrong row
    a row first touched at step 9          step index, bias correction, lazy catch-up
    gaps between the visits of a row       stale momentum, lazy decay
    gradients from 2^-31 to 2^7 (5e-10 to 1e2)     place and size of epsilon
    rows whose numbers all differ          row statistics
    an empty batch                         whether it counts as a step
    a touched row with gradient zero       touched or non-zero rows
    duplicates that cancel exactly         the same, and the squares of occurrences
    rows with 1, 2, 3 occurrences together counting, averaging
    a batch of one occurrence              code that special-cases it
    the first and the last row             off-by-one
    an exercise whose norms are close      which gradient counts as larger
    an exercise with single entries of 0   sparse code that skips entries, not rows
    occurrences that are NaN or infinite   what is dropped: an entry, an occurrence, a row, a batch
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from freqopt.streams import Stream
from freqopt.streams.transforms import index
from freqopt.typing import Floats, Integers

SEED = 20211013
"""The first from the paper's date on whose main exercise reaches below 2e-9 and above 100."""


@dataclass(frozen=True)
class Exercise:
    """A table before the first step and the batches that follow.

    Attributes
    ----------
    name : str
    table : float32 or float64 (N, d)
    batches : tuple of (rows int64 (B,), grads (B, d))
        B may be 0.
    """

    name: str
    table: Floats
    batches: tuple[tuple[Integers, Floats], ...]

    def cut(self, steps: int) -> Exercise:
        """The first steps alone.

        Parameters
        ----------
        steps : int
            How many.

        Returns
        -------
        Exercise
        """
        return Exercise(self.name, self.table, self.batches[:steps])

    def given(self, names: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[Any]]:
        """Values for slots that a rule wants handed in: token frequencies, falling to 1 / N^2.

        Parameters
        ----------
        names : mapping of str to tuple of int
            Slot name -> shape that its values are to have.

        Returns
        -------
        dict of str to float64 array
        """
        size = len(self.table)
        p = (2 * np.arange(size, 0, -1) - 1) / size**2  # odd numbers: they sum to N^2
        return {name: np.broadcast_to(p, shape).copy() for name, shape in names.items()}


# Rows of each batch, for a table of 7 rows; row 5 never comes, row 3 first at step 9.
_ROWS: tuple[tuple[int, ...], ...] = (
    (0, 2, 0, 4),
    (1, 1, 6, 0, 1, 6),
    (2,),
    (4, 0, 6, 4),
    (),
    (0, 1, 0, 2, 0, 6),
    (2, 4, 2),
    (6, 1, 1),
    (3, 0, 3, 3, 4),
    (0, 0, 1, 6, 2),
    (4, 2, 4, 3),
    (1,),
    (),
    (6, 6, 0, 3, 2, 6, 1),
    (0, 4, 0, 3),
    (2, 1, 6, 2, 0, 4),
)
_ZERO = {(7, 4), (10, 6)}  # (step, row): the gradient is zero
_CANCEL = {(7, 2), (11, 4)}  # (step, row): two occurrences cancel exactly


def exercises(dtype: DTypeLike) -> dict[str, Exercise]:
    """Every exercise in one dtype, by name: "main" and the shapes at the edge.

    Parameters
    ----------
    dtype : float32 or float64

    Returns
    -------
    dict of str to Exercise
    """
    return dict(_exercises(np.dtype(dtype)))


@cache
def _exercises(dtype: np.dtype[Any]) -> dict[str, Exercise]:
    return {
        "main": _exercise("main", 7, 4, dtype),
        "wide": _exercise("wide", 7, 21, dtype),  # odd, and longer than any vector register
        "one_row": _exercise("one_row", 1, 4, dtype),
        "one_column": _exercise("one_column", 7, 1, dtype),
        "level": _exercise("level", 7, 3, dtype, powers=2),  # norms close enough to be compared
    }


def _exercise(name: str, size: int, width: int, dtype: DTypeLike, powers: int = 31) -> Exercise:
    table = eighths(Stream(SEED, 0, f"{name} table"), 0, size * width).reshape(size, width) / 64
    mantissa, exponent = Stream(SEED, 0, f"{name} mantissa"), Stream(SEED, 0, f"{name} exponent")
    batches = []
    for step, drawn in enumerate(_ROWS, start=1):
        rows = np.array([row % size for row in drawn], np.int64)
        grads = eighths(mantissa, step, rows.size * width).reshape(rows.size, width)
        power = index(exponent.words(step, size), powers) - powers  # of each row, at most 2^-1
        grads = grads * 2.0 ** power[rows][:, None]
        for row in range(size):
            here = np.flatnonzero(rows == row)
            if (step, row) in _ZERO:
                grads[here] = 0
            if (step, row) in _CANCEL and here.size == 2:
                grads[here[1]] = -grads[here[0]]
        batches.append((rows, grads.astype(dtype)))
    return Exercise(name, table.astype(dtype), tuple(batches))


def holes(dtype: DTypeLike) -> Exercise:
    """A third of the entries is 0: those of a row at once, or of one of its occurrences."""
    exercise, batches = _exercise("holes", 7, 5, dtype, powers=9), []
    for step, (rows, grads) in enumerate(exercise.batches, start=1):
        size, width = exercise.table.shape
        drawn = Stream(SEED, 0, "holes").uniform(step, (size + rows.size) * width)
        drawn = drawn.reshape(-1, width)
        kept = (drawn[:size][rows] > 0.25) & (drawn[size:] > 0.15)
        batches.append((rows, np.where(kept, grads, 0).astype(grads.dtype)))
    return Exercise(exercise.name, exercise.table, tuple(batches))


_BAD: tuple[tuple[tuple[int, ...], int, Any, float], ...] = (
    ((1, 0, 1), 2, 0, np.nan),
    ((0, 2), 1, 1, np.inf),
    ((4, 3, 4, 6), 0, 2, -np.inf),
    ((1,), 0, 3, np.nan),
    ((0, 3, 6), 2, 3, np.inf),
    ((0, 1, 2, 3, 4, 6), 3, 0, np.nan),
    ((2, 1, 0, 4), 0, 0, np.inf),
    ((6, 2, 6), 1, slice(None), np.nan),
)
"""Rows of a batch, the place of the bad one among them, its column, what stands there."""


def nonfinite(dtype: DTypeLike) -> Exercise:
    """`main`, and batches after it in which one occurrence is not finite.

    The bad one stands beside good ones of its row and of others, and alone; one entry of it is NaN
    or infinite, of either sign. An empty batch and two good ones come last.
    """
    main = exercises(dtype)["main"]
    kept = [main.batches[k] for k in (0, 1, 3, 4)]  # main's, in which every row has a history
    batches = list(main.batches)
    for step, (some, place, column, value) in enumerate(_BAD, start=17):
        rows = np.array(some, np.int64)
        grads = eighths(Stream(SEED, 0, "nonfinite"), step, rows.size * 4).reshape(-1, 4) / 256
        grads[place, column] = value
        batches.append((rows, grads.astype(dtype)))
    return Exercise("nonfinite", main.table, (*batches, *kept))


def eighths(stream: Stream, step: int, n: int) -> NDArray[np.float64]:
    """Whole numbers in [-255, 255] without 0: 8 significant bits and a sign."""
    drawn = index(stream.words(step, n), 510)
    return np.where(drawn < 255, drawn - 255, drawn - 254).astype(np.float64)
