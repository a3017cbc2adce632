r"""Fresh samples: the expected gap of the last iterate, exactly.

The error e of a row with second moment r obeys, at every step,

    r <- r (1 - p (1 - (1 - eta)^2)) + p eta^2 S,                                          (1)

so with a = 1 - p eta (2 - eta), and without subtracting anything from anything of its own size,

    r_T = a^T R^2 + (1 - a^T) eta S / (2 - eta),      gap = 1/2 sum_k p_k r_k.              (2)

Rates of the form eta_k = min(cap, c p_k^-q) are SGD (q = 0), FA-SGD (q = 1/2), the inverse
frequency (q = 1) and everything between; rules that count are in `counting`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from freqopt.theory.scaling.groups import Groups
from freqopt.typing import Doubles

POINTS_PER_DECADE = 6
"""Of the grid over c, before the golden section."""


def second_moment(
    p: ArrayLike, eta: ArrayLike, steps: float, noise: float = 1.0, start: ArrayLike = 1.0
) -> Doubles:
    """(2) for every token.

    Parameters
    ----------
    p, eta : float64, broadcast together
        Frequency in (0, 1], rate in [0, 1].
    steps : float
        T >= 0.
    noise : float
        S, in units of R^2 where all starts are 1.
    start : float64, broadcast with p
        R_k^2.

    Returns
    -------
    float64, the shape that the arguments broadcast to
    """
    p, eta = np.asarray(p, np.float64), np.asarray(eta, np.float64)
    with np.errstate(divide="ignore"):  # p = eta = 1 forgets the start: exp(-inf) = 0
        exponent = max(steps, 1e-300) * np.log1p(-p * eta * (2 - eta))
    return np.asarray(np.exp(exponent) * start - np.expm1(exponent) * eta * noise / (2 - eta))


def gap(
    groups: Groups, eta: ArrayLike, steps: float, noise: float = 1.0, start: ArrayLike = 1.0
) -> Doubles:
    """1/2 sum_k p_k r_k; `eta` has one rate per group, and further axes in front.

    Parameters
    ----------
    groups : Groups
    eta : float64 (..., G)
        Rates in [0, 1], in units of 1/curvature.
    steps : float
        T >= 0.
    noise : float
        S, in units of R^2 where all starts are 1.
    start : float64, broadcast with (G,)
        R_k^2.

    Returns
    -------
    float64 (...)
    """
    moments = second_moment(groups.p, eta, steps, noise, start)
    return np.asarray(np.sum(moments * groups.mass, axis=-1) / 2)


def tuned(
    groups: Groups,
    steps: float,
    noise: float = 1.0,
    *,
    shape: Doubles,
    cap: float = 1.0,
    start: ArrayLike = 1.0,
) -> tuple[float, float]:
    """The least gap over c of the rates min(cap, c shape), and that c.

    Parameters
    ----------
    groups : Groups
    steps : float
        T > 0.
    noise : float
        S, in units of R^2.
    shape : float64 (G,)
        Rates up to the factor c, one per group.
    cap : float
        Largest rate, in units of 1/curvature; 1 goes all the way to the last sample.
    start : float64, broadcast with (G,)
        R_k^2.

    Returns
    -------
    tuple of two floats
        The gap, and c.
    """
    top = cap / float(shape.min())  # every rate at the cap
    reach = float(np.max(groups.p * shape))
    low = min(top, 1e-3 / (steps * reach))  # no token has moved by a thousandth

    def error(log_c: float) -> float:
        return float(gap(groups, np.minimum(cap, np.exp(log_c) * shape), steps, noise, start))

    return least(error, low, top)


def least(error: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """Least value over low <= c <= high of a function of log c, and c: grid, golden section.

    Parameters
    ----------
    error : function of log c
    low, high : float
        Range of c, 0 < low <= high.

    Returns
    -------
    tuple of two floats
        The least value, and its c.
    """
    count = max(3, int(np.log10(high / low) * POINTS_PER_DECADE) + 2)
    grid = np.linspace(np.log(low), np.log(high), count)
    values = [error(x) for x in grid]
    i = int(np.argmin(values))
    bounds = grid[max(i - 1, 0)], grid[min(i + 1, count - 1)]
    found = minimize_scalar(error, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    if found.fun < values[i]:
        return float(found.fun), float(np.exp(found.x))
    return values[i], float(np.exp(grid[i]))


def power_law_rule(
    groups: Groups, steps: float, noise: float = 1.0, *, q: float, cap: float = 1.0
) -> tuple[float, float]:
    """`tuned` for eta_k = min(cap, c p_k^-q): SGD is q = 0, FA-SGD q = 1/2.

    Parameters
    ----------
    groups : Groups
    steps : float
    noise : float
        S, in units of R^2.
    q : float
        Exponent of the rates.
    cap : float
        Largest rate, in units of 1/curvature.

    Returns
    -------
    tuple of two floats
        The gap, and c.
    """
    return tuned(groups, steps, noise, shape=groups.p**-q, cap=cap)


def oracle(groups: Groups, steps: float, noise: float = 1.0) -> float:
    """The least gap that constant rates can have, each token with its own best one.

    Parameters
    ----------
    groups : Groups
    steps : float
    noise : float
        S, in units of R^2.

    Returns
    -------
    float
    """
    rates = np.concatenate([[0.0], np.geomspace(1e-14, 1.0, 1200)])
    best = np.full(groups.p.size, np.inf)
    for eta in rates:
        best = np.minimum(best, second_moment(groups.p, eta, steps, noise))
    return float(np.sum(best * groups.mass)) / 2
