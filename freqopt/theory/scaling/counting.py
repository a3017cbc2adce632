r"""Rules that count visits: anytime CF-SGD, at the n-th visit the rate min(cap, alpha / sqrt(n)).

The second moment after n visits, r_n = (1 - e_n)^2 r_{n-1} + e_n^2 S, is the same for every token;
a token's own is its mean over the binomial number of visits (`visit_law`). Visits are followed one
by one up to EXACT; behind it, stretches of n / 4000 visits share their middle rate, which changes
r_n by less than 10^-4 of itself.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy

from freqopt.theory.scaling.groups import Groups
from freqopt.theory.scaling.online import least
from freqopt.typing import Doubles

EXACT = 100_000
POINTS = 128
"""Numbers of visits at which a token's mean is taken; spaced by less than half a deviation."""
UNSEEN = 1e-9
"""Mean number of visits below which a token counts as never visited."""


def counter_gap(
    groups: Groups, alpha: float, steps: float, noise: float = 1.0, *, cap: float = 1.0
) -> float:
    """1/2 sum_k p_k r_k of anytime CF-SGD after T = `steps` samples, in units of R^2 = 1."""
    visits, mass = visit_law(groups, steps)
    found = by_visits(alpha, visits[-1], noise, cap=cap)
    return float(np.sum(mass * np.interp(visits, *found))) / 2


def tuned_counter(
    groups: Groups, steps: float, noise: float = 1.0, *, cap: float = 1.0
) -> tuple[float, float]:
    """The least `counter_gap` over alpha, and that alpha."""
    visits, mass = visit_law(groups, steps)

    def error(log_alpha: float) -> float:
        found = by_visits(float(np.exp(log_alpha)), visits[-1], noise, cap=cap)
        return float(np.sum(mass * np.interp(visits, *found))) / 2

    return least(error, 1e-2, 10.0)


def by_visits(
    alpha: float, most: float, noise: float = 1.0, *, cap: float = 1.0
) -> tuple[Doubles, Doubles]:
    """Numbers of visits from 0 to at least `most`, and r after each.

    A stretch of m visits at the rate e is r <- A r + (1 - A) e S / (2 - e), A = (1 - e)^(2m). Such
    maps are composed by dividing through the product of the A, over spans where it falls by no more
    than e^-500.
    """
    edges = np.arange(min(most, EXACT) + 1.0)
    if most > EXACT:
        later = np.geomspace(EXACT, most, int(np.log(most / EXACT) * 4000) + 2)
        edges = np.concatenate([edges, np.unique(np.ceil(later[1:]))])
    middle = (edges[1:] + edges[:-1] + 1) / 2
    e = np.minimum(cap, alpha / np.sqrt(middle))
    with np.errstate(divide="ignore"):
        log_a = 2 * np.diff(edges) * np.log1p(-e)
    added = -np.expm1(log_a) * e * noise / (2 - e)
    r = np.empty(edges.size)
    r[0], done = 1.0, 0
    while done < e.size:
        if np.isinf(log_a[done]):  # a rate of 1 forgets everything but the last sample
            r[done + 1], done = added[done], done + 1
            continue
        fall = np.cumsum(log_a[done:])
        stop = max(1, int(np.searchsorted(-fall, 500.0)))
        product = np.exp(fall[:stop])
        sums = np.cumsum(added[done : done + stop] / product)
        r[done + 1 : done + 1 + stop] = product * (r[done] + sums)
        done += stop
    return edges, r


def visit_law(groups: Groups, steps: float) -> tuple[Doubles, Doubles]:
    """How often a token that comes next has been seen before: sum_k p_k P(n_k = n) for each n.

    Of every token all numbers of visits that are likely or, if there are more than POINTS, evenly
    spaced ones: the chances are then smooth on the scale of the spacing, and so is what is
    averaged.

    Returns
    -------
    numbers of visits n, increasing from 0, and their shares, which sum to 1: two float64 arrays
    """
    known = steps * groups.p > UNSEEN
    p = groups.p[known, None]
    mean = steps * p
    spread = np.sqrt(mean * (1 - p))
    low = np.maximum(0.0, np.floor(mean - 8 * spread))
    high = np.minimum(steps, np.ceil(mean + 8 * spread + 30))
    stride = np.maximum(1.0, np.ceil((high - low) / (POINTS - 1)))
    visits = low + stride * np.arange(POINTS)
    possible = visits <= steps
    visits = np.minimum(visits, steps)
    rest = steps - visits
    chances = np.exp(
        gammaln(steps + 1) - gammaln(visits + 1) - gammaln(rest + 1)
        + xlogy(visits, p) + xlog1py(rest, -p)
    ) * possible  # fmt: skip
    chances *= (groups.mass[known] / chances.sum(axis=1))[:, None]
    numbers, place = np.unique(np.append(visits, 0.0), return_inverse=True)
    shares = np.append(chances, groups.mass[~known].sum())
    mass: Doubles = np.bincount(place, weights=shares, minlength=numbers.size).astype(np.float64)
    return numbers, mass
