"""Two traces side by side: how far apart, and where they first part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.cases.dialects import Case
from freqopt.typing import Floats


@dataclass(frozen=True)
class Divergence:
    """The first entry that is further off than allowed.

    Attributes
    ----------
    step : int
        From 1.
    row, column : int
    expected, got : float
    ulps : float
        Distance in units in the last place, see `distance`.
    occurrences : int
        How often the row is in that step's batch.
    """

    step: int
    row: int
    column: int
    expected: float
    got: float
    ulps: float
    occurrences: int

    def __str__(self) -> str:
        times = {0: "not in this batch", 1: "once in this batch"}.get(
            self.occurrences, f"{self.occurrences} times in this batch"
        )
        return (
            f"step {self.step}, row {self.row} ({times}), column {self.column}: "
            f"expected {self.expected!r}, got {self.got!r}, {self.ulps:.3g} ULP apart"
        )


@dataclass(frozen=True)
class Comparison:
    """How an implementation did in one case.

    Attributes
    ----------
    case : Case
    ulps : float
        The worst distance anywhere, in units in the last place.
    first : Divergence or None
        The first entry beyond the tolerance; None if there is none.
    """

    case: Case
    ulps: float
    first: Divergence | None

    def __bool__(self) -> bool:
        return self.first is None


def compare(
    case: Case, expected: Floats, got: Floats, tolerance: float | NDArray[np.float64] = 0.0
) -> Comparison:
    """Compare two traces of shape (S + 1, N, d).

    Parameters
    ----------
    case : Case
    expected, got : from `trace`
    tolerance : float, or one for every entry
        In units in the last place; 0 asks for equal bits (but for the sign of zero and NaN's).

    Returns
    -------
    Comparison
        True if nothing is beyond the tolerance.
    """
    ulps = distance(expected, got)
    worst = float(ulps.max())
    beyond = np.argwhere(ulps > tolerance)
    if not beyond.size:
        return Comparison(case, worst, None)
    step, row, column = (int(i) for i in beyond[0])
    rows = case.exercise.batches[step - 1][0] if step else np.empty(0, np.int64)
    first = Divergence(
        step=step,
        row=row,
        column=column,
        expected=float(expected[step, row, column]),
        got=float(got[step, row, column]),
        ulps=float(ulps[step, row, column]),
        occurrences=int((rows == row).sum()),
    )
    return Comparison(case, worst, first)


def distance(expected: Floats, got: Floats) -> NDArray[np.float64]:
    """Distance of every entry in units in the last place, (S + 1, N, d).

    The unit is the spacing of numbers at the largest value that this entry of the table has had so
    far: where a weight comes near zero by cancellation, the rounding of its past is still
    measured by its past. NaN is at distance 0 from NaN, infinity from the same infinity; any other
    meeting with them is infinitely far.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.abs(expected.astype(np.float64) - got.astype(np.float64))
    same = (expected == got) | (np.isnan(expected) & np.isnan(got))
    gap[same] = 0
    gap[~same & ~(np.isfinite(expected) & np.isfinite(got))] = np.inf
    return gap / units(expected)


def units(expected: Floats) -> NDArray[np.float64]:
    """What `distance` counts in, (S + 1, N, d): see there."""
    size = np.maximum.accumulate(np.where(np.isfinite(expected), np.abs(expected), 0), axis=0)
    return np.spacing(np.maximum(size, np.finfo(expected.dtype).tiny)).astype(np.float64)
