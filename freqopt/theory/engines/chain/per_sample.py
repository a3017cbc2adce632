"""FA-18's chain: every sample's own loss is convex and L-smooth, s^2 its squared gradient at 0.

The upper value is of a relaxation: of the loss of a sample only its values and gradients at the
row and at the minimiser are related. The lower one is of additive losses F(x) + <xi, x>, xi = +-s u
with u uniform on m orthonormal directions: as m grows no direction comes twice, and in each of
them, as in that of the start, the row is a chain of its own. It is approached, not attained.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from freqopt.errors import TheoryError
from freqopt.theory.engines.chain.gram import Point, Programme, product
from freqopt.theory.engines.chain.tokens import Chain
from freqopt.theory.engines.chain.worst import worst


@lru_cache(maxsize=64)
def bracket(
    weights: tuple[float, ...], eta: float, s2: float, L: float = 1.0, R2: float = 1.0
) -> tuple[float, float]:
    """(lower, upper) of sum_n w_n E F(x_n) over all such samples' losses; eta < 1/L."""
    if not 0 < eta * L < 1:
        raise TheoryError(f"eta = {eta}, L = {L}: give 0 < eta < 1/L")
    return separate(weights, eta, s2, L, R2), relaxed(weights, eta, s2, L, R2)


def separate(weights: Sequence[float], eta: float, s2: float, L: float, R2: float) -> float:
    """The start's chain, and one that stands for every hit: its weights are those of all ages."""
    N = len(weights)
    start = Chain(tuple(weights), (eta,) * (N - 1), L=L, R2=R2)
    value = worst(start.trimmed()).lower
    ages = tuple(float(sum(weights[age + 1 :])) for age in range(N - 1))
    if ages and ages[0] > 0:
        hit = Chain(ages, (eta,) * (N - 2), L=L, R2=1.0)
        value += eta**2 * s2 * worst(hit.trimmed()).lower  # homogeneous in the squared distance
    return value


def relaxed(weights: Sequence[float], eta: float, s2: float, L: float, R2: float) -> float:
    """Upper bound. Basis: x_0; mean gradients g_n; G_n - g_n; S_n, the sample's gradient at 0."""
    N = len(weights)
    noises = N - 1
    programme = Programme(1 + N + 2 * noises, N)
    start = programme.unit(0)
    g = [programme.unit(1 + n) for n in range(N)]
    xi = [programme.unit(1 + N + n) for n in range(noises)]
    S = [programme.unit(1 + N + noises + n) for n in range(noises)]
    x = [start]
    for n in range(noises):
        x.append(x[-1] - eta * (g[n] + xi[n]))
    programme.interpolate([Point(x[n], g[n], n) for n in range(N)], 0.0, L)
    programme.at_most(product(start, start), R2)
    growth = eta**2 * s2 / (1 - eta * L)  # of E|x_n|^2, by FA-18's sharper form
    distance, trace = R2, R2 + L**2 * (R2 + noises * growth)
    for n in range(noises):
        programme.at_most(product(S[n], S[n]), s2)
        apart = g[n] + xi[n] - S[n]
        bent = product(apart, apart) / (2 * L)
        value = np.eye(N)[n]
        programme.at_most(bent - product(g[n], x[n]), 0.0, value)  # co-coercive, seen from x_n,
        programme.at_most(bent, 0.0, -value)  # and from 0
        for known in (start, *g[: n + 1], *xi[:n], *S[:n]):
            programme.orthogonal(xi[n], known)
            programme.orthogonal(S[n], known)
        trace += L**2 * distance + (2 * L**2 * distance + 2 * s2) + s2  # g_n, xi_n, S_n
        distance += growth
    found = programme.solve(np.asarray(weights))
    return programme.upper(np.asarray(weights), found, trace)
