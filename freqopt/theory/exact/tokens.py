"""Independent scalar quadratics, one per token, with every constant and moment known.

A step samples one token k ~ p and moves it, theta_k <- theta_k - eta_k (lam_k (theta_k - a_k) + xi)
with E xi = 0, E xi^2 = sigma_k^2. So f = 1/2 sum_k p_k lam_k (theta_k - a_k)^2 + constant, the
conditional variance is sigma_k^2 everywhere (H3 with equality), and f is smooth with weights
p_k lam_k <= p_k L (H2, with equality where lam_k = L: the extremal instances).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.theory.bound import Letters
from freqopt.theory.exact import moments
from freqopt.theory.theorem import Search
from freqopt.typing import Doubles


@dataclass(frozen=True)
class Tokens:
    """An instance of the separable quadratic with one step size per token.

    Attributes
    ----------
    name : str
    p, curvature, sigma2, R2, eta : float64 (N,)
        Frequencies, lam_k, noise variances, squared start distances, steps.
    steps : int
        T.
    smoothness : float
        L >= max lam.
    batch : int
        Samples per step; the gradient is their mean.
    more : name -> value
        Further letters, such as alpha.
    """

    name: str
    p: Doubles
    curvature: Doubles
    sigma2: Doubles
    R2: Doubles
    eta: Doubles
    steps: int
    smoothness: float = 1.0
    batch: int = 1
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def gap(self) -> float:
        """Delta = f(Theta^1) - f*."""
        return float(np.sum(self.p * self.curvature * self.R2) / 2)

    def letters(self) -> Letters:
        """p, lam, sigma2, R2, eta per token; T, B, L, N, Delta, A1, A2; and `more`."""
        return {
            "p": self.p,
            "lam": self.curvature,
            "sigma2": self.sigma2,
            "R2": self.R2,
            "eta": self.eta,
            "T": float(self.steps),
            "B": float(self.batch),
            "L": self.smoothness,
            "N": float(len(self.p)),
            "Delta": self.gap,
            "A1": float(np.sum(self.p * self.sigma2)),
            "A2": float(np.sum(self.p**2 * self.sigma2)),
            **self.more,
        }

    @property
    def contraction(self) -> tuple[Doubles, Doubles]:
        """(c, y) of the recursion m' = (1 - c) m + y of a token's second moment.

        With n ~ Bin(B, p) visits e' = (1 - h n/B) e + (eta/B) (sum of n noises), h = eta lam.
        """
        p, h = self.p, self.eta * self.curvature
        return p * h * (
            2 - h * ((1 - p) / self.batch + p)
        ), p * self.eta**2 * self.sigma2 / self.batch

    def decrease(self) -> float:
        """f(Theta^1) - E f(Theta^{T+1}), without subtracting one from the other."""
        c, y = self.contraction
        visits = moments.last_iterate(c, np.ones_like(c), 0.0, self.steps)
        return float(np.sum(self.p * self.curvature * (c * self.R2 - y) * visits) / 2)

    def last(self) -> Doubles:
        """E (theta_k - a_k)^2 after T steps."""
        return moments.last_iterate(*self.contraction, self.R2, self.steps)

    def mean(self) -> Doubles:
        """E (theta_k - a_k)^2 at a uniformly random one of the first T iterates."""
        return moments.time_average(*self.contraction, self.R2, self.steps)

    def average(self) -> Doubles:
        """E (thetabar_k - a_k)^2 of the average of the first T iterates; batches of one."""
        return moments.averaged_iterate(
            self.p, self.curvature, self.sigma2, self.R2, self.eta, self.steps
        )

    def square_gradient(self) -> Doubles:
        """E |grad_k f|^2 at the random iterate Theta^tau."""
        return self.p**2 * self.curvature**2 * self.mean()

    def trivial_square_gradient(self) -> Doubles:
        """What E |grad_k f|^2 cannot exceed: its start, or its stationary value if larger."""
        c, y = self.contraction
        return self.p**2 * self.curvature**2 * np.maximum(self.R2, y / c)


Steps = Callable[[Tokens, float], Tokens]
"""(instance whose steps are not chosen yet, scale) -> the same with eta, and further letters."""


def power_steps(exponent: float, cap: float = np.inf, letter: str = "alpha") -> Steps:
    """eta_k = min(cap, alpha / (sqrt(T) p_k^exponent)), alpha = `scale`; L = 1."""

    def choose(tokens: Tokens, scale: float) -> Tokens:
        eta = scale / (np.sqrt(tokens.steps) * tokens.p**exponent)
        return replace(tokens, eta=np.minimum(eta, cap), more={letter: scale})

    return choose


def random_tokens(
    choose: Steps, count: int, *, seed: int = 0, size: int = 4, horizon: float = 4
) -> Iterator[Tokens]:
    """Instances whose constants spread over several decades; L = 1, T up to 10^horizon."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        p = rng.dirichlet(np.full(size, 0.5)) + 1e-3
        curvature = 10 ** rng.uniform(-3, 0, size)
        sigma2 = 10 ** rng.uniform(-2, 1, size)
        R2 = 10 ** rng.uniform(-1, 2, size)
        steps = int(10 ** rng.uniform(1, horizon))
        unset = np.zeros(size)
        tokens = Tokens(f"random tokens {i}", p / p.sum(), curvature, sigma2, R2, unset, steps)
        yield choose(tokens, 10 ** rng.uniform(-1.5, 0.5))


def token_search(choose: Steps, size: int = 3, horizon: float = 3.5) -> Search:
    """The adversary's space: p, lam, sigma^2, R^2 per token, T and the scale of the steps."""

    def make(point: NDArray[np.float64]) -> Tokens:
        p = np.exp(8 * (point[:size] - 0.5))
        p /= p.sum()
        steps = max(1, round(10 ** (horizon * point[size])))
        scale = float(10 ** (6 * point[size + 1] - 3))
        rest = point[size + 2 :].reshape(3, size)
        curvature = 10 ** (3 * (rest[0] - 1))
        sigma2, R2 = 10 ** (6 * rest[1] - 4), 10 ** (6 * rest[2] - 4)
        name = (
            f"T={steps}, scale={scale:.4g}, p={_short(p)}, lam={_short(curvature)}, "
            f"sigma2={_short(sigma2)}, R2={_short(R2)}"
        )
        return choose(Tokens(name, p, curvature, sigma2, R2, np.zeros(size), steps), scale)

    return Search(dimension=4 * size + 2, make=make)


def _short(values: Doubles) -> str:
    return "[" + " ".join(f"{v:.4g}" for v in values) + "]"
