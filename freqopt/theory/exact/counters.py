"""CF-SGD on independent quadratics, exactly: a dynamic programme over the counters.

The step depends on the count, so the second moment alone does not close; jointly with the count n
it does. With P_t(n) = P(count = n) and A_t(n) = E[e^2; count = n] after t steps of B samples, c of
which hold the token with probability b(c) = Bin(B, p)(c), for each token

    P_{t+1}(n + c) += b(c) P_t(n),
    A_{t+1}(n + c) += b(c) ((1 - eta lam c/B)^2 A_t(n) + (eta/B)^2 c sigma^2 P_t(n)),      (1)

eta = eta(n + 1, t + 1) being the step specified for the next visit. O(N B T^2) operations, in
floats or in Fractions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.problems.token_quadratic import TokenQuadratic
from freqopt.streams import fold
from freqopt.theory.bound import Letters
from freqopt.theory.exact.specified import Specification
from freqopt.theory.exact.tokens import Tokens, power_steps, random_tokens, token_search
from freqopt.theory.theorem import Search

Array = NDArray[Any]
Step = Callable[[Array, int], Array]
"""(visit numbers n >= 1, step number t >= 1) -> eta of the n-th visit."""


@dataclass(frozen=True)
class CounterMoments:
    """Expectations before each step t = 1 .. T, each of shape (T, N), and after the last (N,).

    `step` is the step the token would take were it sampled at t (its count then being n + 1):
    the predictable reading of CF-SGD.

    Attributes
    ----------
    square : E e^2
    step_times_square : E[eta e^2]
    step, step_square, inverse_step : E eta, E eta^2, E[1/eta]
    last : E e^2 after T steps
    """

    square: Array
    step_times_square: Array
    step: Array
    step_square: Array
    inverse_step: Array
    last: Array


def counter_moments(
    p: Array,
    curvature: Array,
    sigma2: Array,
    R2: Array,
    steps: int,
    step: Step,
    *,
    batch: int = 1,
    first_moment: bool = False,
) -> CounterMoments:
    """Run (1) for N tokens.

    Parameters
    ----------
    p, curvature, sigma2, R2 : (N,), floats or Fractions (dtype object)
    step : as `Step`
    batch : B
    first_moment : bool
        Follow E|e| instead of E e^2; needs sigma2 = 0 and eta lam <= 1, where e keeps its sign.
        `R2` is then the start distance R.
    """
    p, lam, noise, start = (np.asarray(v)[:, None] for v in (p, curvature, sigma2, R2))
    zero = np.repeat(p * 0, steps * batch + 1, axis=1)
    P, A = zero.copy(), zero.copy()
    P[:, :1], A[:, :1] = p * 0 + 1, start
    visits = [math.comb(batch, c) * p**c * (1 - p) ** (batch - c) for c in range(batch + 1)]
    rows: list[tuple[Array, ...]] = []
    for t in range(1, steps + 1):
        size = (t - 1) * batch + 1
        eta = step(np.arange(1, size + 1), t)
        seen, square = P[:, :size].copy(), A[:, :size].copy()
        parts = (square, eta * square, eta * seen, eta**2 * seen, seen / eta)
        rows.append(tuple(part.sum(axis=1) for part in parts))
        P[:, :size], A[:, :size] = zero[:, :size], zero[:, :size]
        for c, chance in enumerate(visits):
            shrunk, added = 1 - eta * lam * c / batch, eta**2 * noise * c / batch**2
            moved = shrunk * square if first_moment else shrunk**2 * square + added * seen
            P[:, c : size + c] += chance * seen
            A[:, c : size + c] += chance * moved
    square, product, mean, second, inverse = (
        np.array(column) for column in zip(*rows, strict=True)
    )
    return CounterMoments(square, product, mean, second, inverse, A.sum(axis=1))


def problem_moments(
    problem: TokenQuadratic, specification: Specification, steps: int, noise: float = 1.0
) -> Array:
    """E|theta_k - a_k|^2 of the problem after some steps from its start, (N,).

    Parameters
    ----------
    specification : the step the theory asks for
    noise : factor of sigma^2, 1 for the truth
    """
    p, lam = problem.probabilities, problem.curvatures
    sigma2 = noise * (lam * problem.noises) ** 2 * problem.dimension
    begin = fold((problem.start(0, 0)["tokens"] - problem.optimum) ** 2)
    found = []
    for k in range(len(p)):
        one = slice(k, k + 1)

        def step(n: Array, t: int, p_k: Array = p[one]) -> Array:
            return specification(np.broadcast_to(p_k, n.shape), n - 1.0, t)

        found.append(counter_moments(p[one], lam[one], sigma2[one], begin[one], steps, step).last)
    return np.concatenate(found)


@dataclass(frozen=True)
class CountedTokens:
    """An instance: independent quadratics (as `Tokens`) under a counter rule.

    Attributes
    ----------
    name : str
    p, curvature, sigma2, R2 : float64 (N,)
    steps : T
    step : as `Step`
    alpha, smoothness : letters of the rule
    batch : B
    more : further letters
    """

    name: str
    p: Array
    curvature: Array
    sigma2: Array
    R2: Array
    steps: int
    step: Step
    alpha: float = 1.0
    smoothness: float = 1.0
    batch: int = 1
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def gap(self) -> float:
        """Delta = f(Theta^1) - f*."""
        return float(np.sum(self.p * self.curvature * self.R2) / 2)

    @cached_property
    def moments(self) -> CounterMoments:
        """Second moments."""
        return counter_moments(
            self.p, self.curvature, self.sigma2, self.R2, self.steps, self.step, batch=self.batch
        )

    @cached_property
    def distances(self) -> CounterMoments:
        """First moments E|e|, for instances without noise."""
        return counter_moments(
            self.p, self.curvature, 0 * self.p, np.sqrt(self.R2), self.steps, self.step,
            batch=self.batch, first_moment=True,
        )  # fmt: skip

    def square_gradient(self) -> Array:
        """E |grad_k f|^2 at the random iterate."""
        return self.p**2 * self.curvature**2 * self.moments.square.mean(axis=0)

    def squared_first_moment(self) -> Array:
        """(E |grad_k f|)^2 at the random iterate; instances without noise."""
        return np.asarray((self.p * self.curvature * self.distances.square.mean(axis=0)) ** 2)

    def letters(self) -> Letters:
        """p, lam, sigma2, R2 per token; T, B, L, alpha, Delta, A1; and `more`."""
        return {
            "p": self.p,
            "lam": self.curvature,
            "sigma2": self.sigma2,
            "R2": self.R2,
            "T": float(self.steps),
            "B": float(self.batch),
            "L": self.smoothness,
            "alpha": self.alpha,
            "Delta": self.gap,
            "A1": float(np.sum(self.p * self.sigma2)),
            **self.more,
        }


def horizon_step(alpha: float, steps: int, cap: float, batch: int = 1) -> Step:
    """(6.6), at B = 1 (6.2): min(cap, alpha / sqrt((T/B) n / ((t-1) B + 1)))."""
    return lambda n, t: np.minimum(
        cap, alpha * np.sqrt(batch * ((t - 1) * batch + 1) / (steps * n))
    )


def anytime_step(alpha: float, cap: float) -> Step:
    """(6.3): min(cap, alpha / sqrt(n))."""
    return lambda n, t: np.minimum(cap, alpha / np.sqrt(n))  # noqa: ARG005


def excluded_step(alpha: float, steps: int, cap: float) -> Step:
    """The off-by-one counter: n - 1 where (6.2) has n, and the cap at a first visit."""

    def step(n: Array, t: int) -> Array:
        with np.errstate(divide="ignore"):
            return np.minimum(cap, alpha / np.sqrt(steps * (n - 1) / t))

    return step


def random_counted(
    make: Callable[[float, int], Step],
    count: int,
    *,
    seed: int = 0,
    batch: int = 1,
    horizon: float = 1.7,
    noise: bool = True,
) -> Iterator[CountedTokens]:
    """A dominant token over 200 steps, then random instances, under make(alpha, T); L = 1."""
    p, R2, noises = np.array([0.95, 0.05]), np.ones(2), np.full(2, 0.1)
    dominant = Tokens(
        "a dominant token", p, np.array([1.0, 0.5]), noises, R2, 0 * p, 200, more={"alpha": 1.0}
    )
    yield _counted(dominant, make, batch, noise)
    for tokens in random_tokens(power_steps(0.5), count, seed=seed, horizon=horizon):
        yield _counted(tokens, make, batch, noise)


def counted_search(
    make: Callable[[float, int], Step], *, batch: int = 1, horizon: float = 1.5, noise: bool = True
) -> Search:
    """The adversary's space: that of `token_search` on two tokens, for the rule make(alpha, T)."""
    inner = token_search(power_steps(0.5), size=2, horizon=horizon)

    return Search(inner.dimension, lambda point: _counted(inner.make(point), make, batch, noise))


def _counted(
    tokens: Tokens, make: Callable[[float, int], Step], batch: int, noise: bool
) -> CountedTokens:
    alpha = float(tokens.more["alpha"])
    return CountedTokens(
        f"{tokens.name}, T = {tokens.steps}, alpha = {alpha:.3g}, B = {batch}",
        tokens.p, tokens.curvature, tokens.sigma2 * noise, tokens.R2, tokens.steps,
        make(alpha, tokens.steps), alpha, batch=batch,
    )  # fmt: skip
