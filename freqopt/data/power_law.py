"""The exponent of the token law, from the distribution of counts, with its error and its fit.

Under p ~ rank^-nu the number of tokens with count n or more falls like n^(-1/nu): counts are
discrete power laws of exponent a = 1 + 1/nu above some least count. Maximum likelihood for a, the
least count by the smallest Kolmogorov-Smirnov distance, and a p-value by the parametric bootstrap
(Clauset, Shalizi and Newman 2009, SIAM Review 51, 661): small p, no power law. The interval is for
the least count that was chosen; sampling noise in small counts biases nu down by some hundredths.
With many tokens p is small for any real text: the distance says how bad it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import zeta

from freqopt.streams import Stream
from freqopt.typing import Doubles

TAIL = 50
"""Least number of tokens that an exponent is fitted to."""
CANDIDATES = 40
REPLICATES = 200
DRAWN = 2000
"""Tokens in a bootstrap sample; distances are scaled by the root of their number."""
TABLE = 10_000
"""Counts that a bootstrap sample looks up; beyond them the law is taken as continuous."""


class PowerLaw(NamedTuple):
    """A power law of counts, in whose terms p falls like rank^-nu.

    Attributes
    ----------
    nu : float
        Exponent of p ~ rank^-nu.
    low, high : float
        Its 95 % interval; `high` may be infinite.
    least : int
        Count from which on the law is fitted.
    tail : int
        Number of tokens that it is fitted to.
    distance : float
        Largest difference of the two cumulative distributions.
    p_value : float
        Chance of a larger one under the law.
    """

    nu: float
    low: float
    high: float
    least: int
    tail: int
    distance: float
    p_value: float


def fit_power_law(counts: NDArray[np.int64]) -> PowerLaw | None:
    """Fit the counts of at least TAIL tokens; None where there are fewer, or all counts are equal.

    Parameters
    ----------
    counts : int64 array, shape (N,)
        Occurrences; zeros are left out.

    Returns
    -------
    PowerLaw or None
    """
    values, numbers = np.unique(counts[counts > 0], return_counts=True)
    x, many = values.astype(np.float64), numbers.astype(np.float64)
    above = np.cumsum(many[::-1])[::-1]
    usable = np.flatnonzero(above[:-1] >= TAIL)  # at least two different counts
    if not usable.size:
        return None
    picked = np.unique(np.geomspace(1, usable.size, CANDIDATES).astype(int)) - 1
    fits = [(*_fit(x[i:], many[i:]), i) for i in usable[picked]]
    distance, a, i = min(fits)
    tail = float(above[i])
    step = 1e-3 * (a - 1)
    bend = np.diff([np.log(zeta(a + s, x[i])) for s in (-step, 0.0, step)], 2)[0] / step**2
    error = 1.96 / np.sqrt(tail * bend)
    low, high = (1 / (a + s * error - 1) if a + s * error > 1 else np.inf for s in (1, -1))
    chance = _p_value(a, x[i], np.sqrt(tail) * distance)
    return PowerLaw(
        1 / (a - 1), float(low), float(high), int(x[i]), int(tail), distance, float(chance)
    )


def _fit(x: Doubles, many: Doubles) -> tuple[float, float]:
    """(distance, a) of the law on counts x[0] and more."""
    total = many.sum()
    mean_log = float(np.sum(many * np.log(x)) / total)

    def cost(a: float) -> float:
        return float(np.log(zeta(a, x[0])) + a * mean_log)

    a = float(minimize_scalar(cost, bounds=(1.02, 12.0), method="bounded").x)
    below = np.cumsum(many) / total
    law = 1 - zeta(a, x + 1) / zeta(a, x[0])
    return float(np.abs(below - law).max()), a


def _p_value(a: float, least: float, scaled: float) -> float:
    """Share of samples of the law whose own fit is further off, each distance times its root."""
    table = np.arange(least, least + TABLE)
    beyond = zeta(a, table + 1) / zeta(a, least)  # P(count > table)
    stream, worse = Stream(0, 0, "power law"), 0
    for replicate in range(REPLICATES):
        u = 1 - stream.uniform(replicate, DRAWN)
        drawn = least + np.searchsorted(-beyond, -u, side="left").astype(np.float64)
        far = u < beyond[-1]
        drawn[far] = np.floor((table[-1] + 1) * (u[far] / beyond[-1]) ** (-1 / (a - 1)))
        x, numbers = np.unique(drawn, return_counts=True)
        if x.size > 1:
            worse += _fit(x, numbers.astype(np.float64))[0] * np.sqrt(DRAWN) > scaled
    return worse / REPLICATES
