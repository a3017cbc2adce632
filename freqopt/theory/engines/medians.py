"""The median of a law, located from independent samples without assuming anything about the law.

Of n samples below or above the median, Bin(n, 1/2) are below. So with k the largest number that
P(Bin(n, 1/2) < k) <= delta/2 allows, the median is between the k-th smallest and the k-th largest
sample except with probability delta: an interval that is exact for every n and every law.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from freqopt.errors import TheoryError
from freqopt.theory.verdict import Verdict, Word


def median_interval(samples: NDArray[np.float64], delta: float) -> tuple[float, float]:
    """The interval above.

    Raises
    ------
    TheoryError
        If there are too few samples for this delta.
    """
    n = len(samples)
    k = int(binom.ppf(delta / 2, n, 0.5))
    while k > 0 and binom.cdf(k - 1, n, 0.5) > delta / 2:
        k -= 1
    if k == 0:
        raise TheoryError(f"{n} samples cannot locate a median at level {delta:.1e}; draw more")
    ordered = np.sort(samples)
    return float(ordered[k - 1]), float(ordered[n - k])


def median_within(samples: NDArray[np.float64], low: float, high: float, delta: float) -> Verdict:
    """Decide low <= median <= high: CORROBORATED, REFUTED, or UNREFUTED where it is open."""
    bottom, top = median_interval(samples, delta)
    if low <= bottom and top <= high:
        word = Word.CORROBORATED
    elif top < low or bottom > high:
        word = Word.REFUTED
    else:
        word = Word.UNREFUTED
    middle = float(np.median(samples))
    return Verdict(
        "", "", "", word,
        kind="equal", measured=middle, bound=(low + high) / 2, delta=delta, seeds=len(samples),
        note=f"median in [{bottom:.3f}, {top:.3f}], claimed in [{low:.3g}, {high:.3g}]",
    )  # fmt: skip
