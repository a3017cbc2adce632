"""The worst case of a token's chain, from both sides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from freqopt.theory.engines.chain.gram import Point, Programme, Solution, product
from freqopt.theory.engines.chain.tokens import Chain, Mean
from freqopt.typing import Doubles


@dataclass(frozen=True)
class Worst:
    """The worst case of a chain from both sides.

    Attributes
    ----------
    lower : float
        Attained, by the function of `points`, whose every condition was evaluated again.
    upper : float
        Proved by weak duality.
    vectors : one column for each basis vector of the programme
    values : F at the points
    """

    chain: Chain
    lower: float
    upper: float
    vectors: Doubles
    values: Doubles
    points: tuple[Point, ...]
    noises: tuple[Doubles, ...]
    seen: tuple[int, ...]
    """For each point, how many noises came before it."""

    @property
    def gap(self) -> float:
        """(upper - lower)/upper."""
        return (self.upper - self.lower) / self.upper if self.upper else 0.0

    @cached_property
    def rows(self) -> Doubles:
        """x at every point, one row each."""
        return np.array([self.vectors @ point.x for point in self.points])

    @cached_property
    def gradients(self) -> Doubles:
        """The gradients there."""
        return np.array([self.vectors @ point.g for point in self.points])

    @cached_property
    def noise(self) -> Doubles:
        """The noise of each visit; the chain has it with either sign."""
        shape = (len(self.noises), len(self.vectors))
        return np.array([self.vectors @ xi for xi in self.noises]).reshape(shape)


@lru_cache(maxsize=256)
def worst(chain: Chain) -> Worst:
    """The worst case over every F of the class and every noise law.

    The upper value allows noise in all of L2. The lower one is of noise that is +-xi_n with equal
    chance: its programme has the rows under which the reflections of the chain fit one function.

    Raises
    ------
    NoValueError
        If the solver's answer gives no bound.
    """
    free = _built(chain, signs=False)
    found = free.programme.solve(free.weights)
    upper = _upper(chain, free, found)
    if chain.noisy:
        free = _built(chain, signs=True)
        found = free.programme.solve(free.weights)
    vectors, values = free.programme.feasible(found, free.repaired)
    lower = float(free.weights @ values)
    return Worst(
        chain,
        lower,
        upper,
        vectors,
        values,
        tuple(free.points),
        tuple(free.noises),
        tuple(free.seen),
    )


def above(chain: Chain) -> float:
    """The upper value alone, at a third of the price."""
    free = _built(chain, signs=False)
    return _upper(chain, free, free.programme.solve(free.weights))


def _upper(chain: Chain, built: _Built, found: Solution) -> float:
    trace = chain.trace(len(built.points))
    return built.programme.upper(built.weights, found, trace) + chain.rest


def solved(chain: Chain) -> Solution:
    """What the solver says, for a proof to be made of it."""
    built = _built(chain, signs=False)
    return built.programme.solve(built.weights)


@dataclass
class _Built:
    """A programme and what its vectors mean."""

    programme: Programme
    weights: Doubles
    points: list[Point]
    noises: list[Doubles]
    seen: list[int]
    known: list[list[int]]
    """For each noise, the basis vectors known before it."""

    def repaired(self, vectors: Doubles) -> Doubles:
        """The same with every noise exactly orthogonal to what is known before it.

        What is known gives way: it has almost no component along the noise, while the noise may
        have a large one in a direction that what is known hardly has.
        """
        vectors = vectors.copy()
        for noise, known in zip(self.noises, self.known, strict=True):
            xi = vectors[:, int(np.argmax(noise))]
            if square := float(xi @ xi):
                vectors[:, known] -= np.outer(xi, xi @ vectors[:, known]) / square
        return vectors


def _built(chain: Chain, *, signs: bool) -> _Built:
    """Basis: x_0, the g_n, the xi_n, then a gradient at every mean that is not a row."""
    N = chain.visits
    noises = N - 1 if chain.noisy else 0
    outputs = [m for m in chain.means if _is_row(m) is None]
    programme = Programme(1 + N + noises + len(outputs), N + len(outputs))
    start = programme.unit(0)
    g = [programme.unit(1 + n) for n in range(N)]
    xi = [programme.unit(1 + N + n) for n in range(noises)]
    x = chain.coefficients(start, [a + b for a, b in zip(g, xi, strict=False)] if xi else g)
    points = [Point(x[n], g[n], n) for n in range(N)]
    weights = np.concatenate([chain.weights, [m.weight for m in outputs]])
    for mean in chain.means:
        row = _is_row(mean)
        if row is not None:
            weights[row] += mean.weight
    seen = [*range(N), *(len(np.trim_zeros(m.coefficients, "b")) - 1 for m in outputs)]
    for i, mean in enumerate(outputs):
        at = sum(a * v for a, v in zip(mean.coefficients, x, strict=False))
        points.append(Point(np.asarray(at), programme.unit(1 + N + noises + i), N + i))
    programme.interpolate(points, chain.mu, chain.L)
    if chain.R2 is not None:
        programme.at_most(product(start, start), chain.R2)
    for n, point in enumerate(points):
        square = product(point.g, point.g)
        if n < noises and chain.gamma2 is not None:
            square = square + product(xi[n], xi[n])
        if chain.gamma2 is not None:
            programme.at_most(square, chain.gamma2)
    known = []
    for n, noise in enumerate(xi):
        if chain.gamma2 is None:
            programme.at_most(product(noise, noise), chain.sigma2)
        before = [0, *range(1, n + 2), *range(1 + N, 1 + N + n)]
        before += [1 + N + noises + i for i in range(len(outputs)) if seen[N + i] <= n]
        known.append(before)
        for column in before:
            programme.orthogonal(noise, programme.unit(column))
        if signs:
            _reflectable(
                programme, chain, noise, [p for p, s in zip(points, seen, strict=True) if s > n]
            )
    return _Built(programme, weights, points, xi, seen, known)


def _reflectable(
    programme: Programme, chain: Chain, noise: Doubles, later: Iterable[Point]
) -> None:
    """Rows under which the chain and all its images under xi -> -xi fit one function.

    An inequality between two images differs from that of the chain itself by products of a
    component of g_j - mu x_j and one of x_i - (g_i - mu x_i)/(L - mu) along the noise. Both have
    the sign of -xi, so the products are non-negative and the chain's own inequality is the worst.
    """
    for point in later:
        steep = point.g - chain.mu * point.x
        programme.at_most(product(noise, steep))
        programme.at_most(product(noise, point.x - steep / (chain.L - chain.mu)))


def _is_row(mean: Mean) -> int | None:
    """The row that a mean is, if it is one."""
    used = [n for n, c in enumerate(mean.coefficients) if c]
    return used[0] if len(used) == 1 else None
