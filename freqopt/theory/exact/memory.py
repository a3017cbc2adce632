"""Gradient methods with a fixed memory on quadratics, with whoever chooses from the memory.

    x_{t+1} = x_t - alpha sum_d w_{t,d} (H x_{t-d} + xi_{t-d}),      0 <= d <= min(t, K).     (5.1)

Quadratics are diagonal, so a run is a few numbers per step. `Selection`s are adversaries; a
statement about *any* selection is evaluated on the worst of many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from freqopt.typing import Doubles

Weights = dict[int, float]
"""Delay -> weight."""
Selection = Callable[[int, Sequence[Doubles], Sequence[Doubles]], Weights]
"""(t, iterates x_0 .. x_t, gradients g_0 .. g_t) -> the weights of step t."""


def run(
    hessian: Doubles,
    start: Doubles,
    alpha: float,
    steps: int,
    select: Selection,
    noise: Callable[[int, Doubles], Doubles] | None = None,
    momentum: float = 0.0,
) -> Doubles:
    """V_t = f(x_t) - f* = 1/2 x' H x before each step and after the last, (T + 1,).

    Parameters
    ----------
    hessian, start : (d,)
    select : who chooses
    noise : (t, x_t) -> xi_t, added to the gradient that is stored
    momentum : beta of v <- beta v + u, x <- x - alpha v
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a run may diverge: its V is then inf
        values = _run(hessian, start, alpha, steps, select, noise, momentum)
    return np.nan_to_num(values, nan=np.inf, posinf=np.inf)


def _run(
    hessian: Doubles,
    start: Doubles,
    alpha: float,
    steps: int,
    select: Selection,
    noise: Callable[[int, Doubles], Doubles] | None,
    momentum: float,
) -> Doubles:
    x, velocity = start.copy(), np.zeros_like(start)
    iterates, gradients, values = [x], [], [0.5 * float(hessian @ x**2)]
    for t in range(steps):
        gradient = hessian * x
        gradients.append(gradient if noise is None else gradient + noise(t, x))
        direction = np.zeros_like(x)
        for delay, weight in select(t, iterates, gradients).items():
            direction = direction + weight * gradients[t - delay]
        velocity = momentum * velocity + direction
        x = x - alpha * velocity
        iterates.append(x)
        values.append(0.5 * float(hessian @ x**2))
    return np.array(values)


def one(delays: Sequence[int]) -> Selection:
    """All weight on one gradient, its delay given step by step, repeated periodically."""
    return lambda t, x, g: {min(t, delays[t % len(delays)]): 1.0}  # noqa: ARG005


def with_current(inner: Selection) -> Selection:
    """The current gradient and, from the second step on, what `inner` selects ("sum")."""

    def select(t: int, x: Sequence[Doubles], g: Sequence[Doubles]) -> Weights:
        weights = inner(t, x, g) if t else {}
        return {**weights, 0: weights.get(0, 0.0) + 1.0}

    return select


def greedy(hessian: Doubles, alpha: float, oldest: int, weight: float = 1.0) -> Selection:
    """The delay that makes the next f largest."""

    def select(t: int, x: Sequence[Doubles], g: Sequence[Doubles]) -> Weights:
        def after(delay: int) -> float:
            return float(hessian @ (x[t] - alpha * weight * g[t - delay]) ** 2)

        return {max(range(min(t, oldest) + 1), key=after): 1.0}

    return select


def mixture(oldest: int, seed: int) -> Selection:
    """A random convex combination of the window at each step."""
    rng = np.random.default_rng(seed)

    def select(t: int, x: Sequence[Doubles], g: Sequence[Doubles]) -> Weights:  # noqa: ARG001
        shares = rng.dirichlet(np.full(min(t, oldest) + 1, 0.5))
        return dict(enumerate(shares.tolist()))

    return select


@dataclass(frozen=True)
class Condition:
    """(C1) of MEM-1 for given weights: what a step size must satisfy.

    Attributes
    ----------
    oldest : K
    low, high : bounds of the total weight S_t
    stale : omega_i for i = 1 .. K, weight that may sit on delays >= i
    mu, L, eta : the noise split eta
    """

    oldest: int
    low: float
    high: float
    stale: Doubles
    mu: float
    L: float = 1.0
    eta: float = 0.0

    def contraction(self, alpha: float) -> float:
        """Q = 1 - alpha w_lo mu."""
        return 1 - alpha * self.low * self.mu

    def slack(self, alpha: float) -> float:
        """Left minus right side of (C1); the condition holds where it is >= 0 and q > 0."""
        q = self.contraction(alpha)
        if q <= 0:
            return -np.inf
        ages = np.arange(1, len(self.stale) + 1)
        total = float(np.sum(self.stale))
        right = alpha**2 * self.L**2 * total / self.low * float(np.sum(self.stale * q**-ages))
        return 1 / self.high - self.L * alpha - (1 + self.eta) * right

    def largest_step(self) -> float:
        """The largest alpha that satisfies (C1), by bisection to 12 digits."""
        low, high = 0.0, 1 / (self.L * self.high)
        while high - low > 1e-12 * high:
            middle = (low + high) / 2
            low, high = (middle, high) if self.slack(middle) >= 0 else (low, middle)
        return low


def expected_value(
    curvature: float, start: float, noise2: float, alpha: float, weights: Sequence[Weights]
) -> Doubles:
    """E V_t of one coordinate with unbiased, independent noise and a selection fixed in advance.

    x_t is linear in x_0 and in the noise vectors, a stored gradient keeping its own: the
    coefficients are carried along, so no moment has to close. (T + 1,) for T weights.
    """
    steps = len(weights)
    # Row t: coefficients of x_t in (x_0, xi_0, .., xi_{T-1}).
    x = np.zeros((steps + 1, steps + 1))
    x[0, 0] = 1.0
    for t, chosen in enumerate(weights):
        x[t + 1] = x[t]
        for delay, weight in chosen.items():
            x[t + 1] -= alpha * weight * curvature * x[t - delay]
            x[t + 1, 1 + t - delay] -= alpha * weight
    square = x[:, 0] ** 2 * start**2 + noise2 * np.sum(x[:, 1:] ** 2, axis=1)
    return np.asarray(0.5 * curvature * square)
