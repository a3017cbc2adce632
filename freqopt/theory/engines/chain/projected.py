"""The chain of FA-17 and FA-19: after each visit the row is projected onto a convex set.

The set is the hull of the minimiser and of all rows of the chain, so its diameter is the largest of
their distances; a row is the projection of y where y - row is in the normal cone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from freqopt.theory.engines.chain.gram import Point, Programme, product
from freqopt.typing import Doubles


def bracket(
    weights: Sequence[float] | Doubles,
    steps: Sequence[float] | Doubles,
    mu: float = 0.0,
    *,
    everywhere: bool = False,
) -> tuple[float, float]:
    """(lower, upper) of sum_n w_n F(x_n), F mu-strongly convex, |g| <= 1 at the rows.

    FA-17, mu = 0: a convex set of diameter 1. FA-19, mu > 0: any convex set that holds theta*.

    Parameters
    ----------
    everywhere : bool
        The lower value is of functions whose gradients are at most 1 on all of the hull.
    """
    programme, goal = projected(weights, steps, mu, everywhere=everywhere), np.asarray(weights)
    _, values = programme.feasible(programme.solve(goal))
    return float(goal @ values), above(weights, steps, mu)


def above(
    weights: Sequence[float] | Doubles, steps: Sequence[float] | Doubles, mu: float = 0.0
) -> float:
    """The upper value alone."""
    programme, goal = projected(weights, steps, mu), np.asarray(weights)
    # |x_0| <= 1/mu, by strong convexity; a projection moves y by |y - x_n| at most.
    trace = 1.0 / (mu or 1.0) ** 2 + len(goal) + sum(eta**2 for eta in steps)
    return programme.upper(goal, programme.solve(goal), trace)


def projected(
    weights: Sequence[float] | Doubles,
    steps: Sequence[float] | Doubles,
    mu: float = 0.0,
    *,
    everywhere: bool = False,
) -> Programme:
    """Basis: x_0; the gradients; the vectors y - row of the projections.

    `everywhere` bounds the slope of each piece of F - mu |x|^2/2 at every corner of the hull.
    """
    N = len(weights)
    programme = Programme(1 + N + (N - 1), N)
    g = [programme.unit(1 + n) for n in range(N)]
    normal = [programme.unit(1 + N + n) for n in range(N - 1)]
    x = [programme.unit(0)]
    for n in range(N - 1):
        x.append(x[-1] - steps[n] * g[n] - normal[n])
    programme.interpolate([Point(x[n], g[n], n) for n in range(N)], mu, np.inf)
    corners: list[Doubles] = [np.zeros(programme.vectors), *x]
    if mu == 0:
        for a, b in combinations(corners, 2):
            programme.at_most(product(a - b, a - b), 1.0)
    for n in range(N - 1):
        for k, corner in enumerate(corners):
            if k != n + 2:  # the row itself
                programme.at_most(product(normal[n], corner - x[n + 1]))
    for n, gradient in enumerate(g):
        programme.at_most(product(gradient, gradient), 1.0)
        for k, corner in enumerate(corners if everywhere and mu else []):
            if k != n + 1:
                there = gradient + mu * (corner - x[n])
                programme.at_most(product(there, there), 1.0)
    return programme
