"""Slope of count against rank on log-log paper: a description, no maximum-likelihood estimate.

Quote it with its ranks and R^2: below about 0.95 there is no power law, whatever the slope.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import DataError

POINTS = 60
"""Log-spaced ranks at which the line is fitted."""


class ZipfFit(NamedTuple):
    """count ~ rank^-slope over ranks `first` .. `last`."""

    slope: float
    r_squared: float
    first: int
    last: int


def zipf_fit(counts: NDArray[np.int64], first: int = 1, last: int | None = None) -> ZipfFit:
    """Least squares of log count on log rank at 60 log-spaced ranks, repeated ranks once.

    Parameters
    ----------
    counts : int64 array, shape (N,)
        Occurrences of each token, in any order; zeros are left out.
    first, last : int
        Ranks from 1; `last` is by default the last one with a count of at least 5.

    Raises
    ------
    DataError
        Fewer than three ranks.
    """
    ranked = np.sort(counts[counts > 0])[::-1]
    if last is None:
        last = int(np.count_nonzero(ranked >= 5))
    last = min(last, ranked.size)
    if first < 1 or last - first < 2:
        raise DataError(
            f"a slope over ranks {first}..{last} of {ranked.size} tokens; expected three ranks or "
            "more, from 1. Widen the range or use more data."
        )
    ranks = np.unique(np.rint(np.geomspace(first, last, POINTS)).astype(np.int64))
    x, y = np.log(ranks), np.log(ranked[ranks - 1])
    if y[0] == y[-1]:  # equal counts: a level line, without rest
        return ZipfFit(0.0, 1.0, first, last)
    x, y = x - x.mean(), y - y.mean()
    slope = (x * y).sum() / (x * x).sum()
    rest = y - slope * x
    r_squared = 1 - (rest * rest).sum() / (y * y).sum()
    return ZipfFit(float(-slope), float(r_squared), first, last)
