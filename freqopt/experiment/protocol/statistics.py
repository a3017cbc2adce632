"""Intervals, paired tests and profiles; deterministic, and honest about what is resampled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
RESAMPLES = 4000
LEVEL = 0.95


def interval(values: Doubles) -> tuple[float, float]:
    """Percentile bootstrap of the mean over splits, and over the runs inside each split.

    Parameters
    ----------
    values : float64 (splits, runs)
        Splits are resampled first, then runs within each, so that an interval knows of both.

    Returns
    -------
    (float, float)
        Of level 0.95; NaN for a single number, which says nothing of its spread, and where a value
        is not finite.
    """
    splits, runs = values.shape
    if values.size < 2 or not np.isfinite(values).all():
        return (np.nan, np.nan)
    rng = np.random.default_rng(0)
    rows = rng.integers(splits, size=(RESAMPLES, splits, 1))
    columns = rng.integers(runs, size=(RESAMPLES, splits, runs))
    means = values[rows, columns].mean(axis=(1, 2))
    low, high = np.quantile(means, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)


def wilcoxon(differences: Doubles) -> float:
    """Two-sided p of the signed-rank test that paired differences lie around 0; 1 if all are 0.

    Pairs of one split share its rows, which the test does not know: the interval does.
    """
    from scipy.stats import wilcoxon as signed_rank

    flat = differences[np.isfinite(differences)]
    if not flat.any():
        return 1.0
    return float(signed_rank(flat).pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """P-values of several tests, as large as the wish to be wrong once in all of them makes them.

    Holm, *A simple sequentially rejective multiple test procedure*, Scand. J. Stat. 6, 1979.
    """
    order = np.argsort(p, kind="stable")
    scaled = np.array(p)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return adjusted.tolist()


def profile(costs: Doubles, factors: Doubles) -> Doubles:
    """Share of workloads on which a rule's cost is within a factor of the least of all rules.

    Dolan & Moré, *Benchmarking optimization software with performance profiles*, 2002.

    Parameters
    ----------
    costs : float64 (rules, workloads)
        inf where a rule did not get there.
    factors : float64 (k,)

    Returns
    -------
    float64 (rules, k)
    """
    least = costs.min(axis=0)
    with np.errstate(invalid="ignore"):
        ratio = np.where(np.isfinite(costs), costs / least, np.inf)
    within: Doubles = (ratio[:, :, None] <= factors).mean(axis=1)
    return within
