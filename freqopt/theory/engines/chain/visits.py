"""How often a token is met, as weights of its chain; and the outputs a theorem may speak of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from scipy.stats import binom, poisson

from freqopt.errors import TheoryError
from freqopt.theory.engines.chain.tokens import Mean
from freqopt.typing import Doubles


def occupation(steps: int, p: float, law: Sequence[float] | None = None) -> Doubles:
    """w_n = sum_t law_t p P(Bin(t - 1, p) = n): weight of n visits before step t = 1 .. T.

    `law` is that of the output among the iterates, uniform by default, w_n = P(Bin(T, p) > n)/T.
    """
    if steps < 1 or not 0 < p <= 1:
        raise TheoryError(f"T = {steps}, p = {p}: give T >= 1 and 0 < p <= 1")
    n = np.arange(steps)
    if law is None:
        return np.asarray(binom.sf(n, steps, p) / steps)
    return sum((w * p * binom.pmf(n, t, p) for t, w in enumerate(law)), np.zeros(steps))


def patterns(steps: int, p: float) -> tuple[Mean, ...]:
    """The averaged iterate: a mean for every pattern of T - 1 steps, weight p times its chance."""
    means = []
    for pattern in product((0, 1), repeat=steps - 1) if p < 1 else [(1,) * (steps - 1)]:
        at = np.concatenate([[0], np.cumsum(pattern)]).astype(int)
        chance = p ** sum(pattern) * (1 - p) ** (steps - 1 - sum(pattern))
        means.append(Mean(p * chance, tuple(np.bincount(at, minlength=steps) / steps)))
    return tuple(means)


def by_visits(steps: int, p: float) -> tuple[Mean, ...]:
    """E F of the plain mean of the rows met: by Jensen at most E F of the averaged iterate's."""
    return tuple(
        Mean(
            p * float(binom.pmf(n, steps - 1, p)),
            (1 / (n + 1),) * (n + 1) + (0.0,) * (steps - 1 - n),
        )
        for n in range(steps)
    )


def rare(expected: float, least: float = 1e-7) -> Doubles:
    """T w_n of a rare token: P(Poisson(expected) > n), n = 0, 1, .. while above `least`."""
    if not expected > 0:
        raise TheoryError(f"lambda = {expected}: give a positive number of expected visits")
    return poisson.sf(np.arange(int(poisson.isf(least, expected)) + 1), expected)
