"""Points of strongly convex and smooth functions, on which the hypotheses of proofs are evaluated.

F(x) = mu x^2/2 + (L - mu) h(x) with 0 <= h'' <= 1, h(0) = h'(0) = 0: mu-strongly convex, L-smooth,
least at 0. Four shapes of h, curvatures and distances over several decades.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from freqopt.theory.theorem import Case

SHAPES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "quadratic": (lambda x: x**2 / 2, lambda x: x),
    "Huber": (
        lambda x: x**2 / 2 if abs(x) <= 1 else abs(x) - 0.5,
        lambda x: float(np.clip(x, -1, 1)),
    ),
    "log cosh": (lambda x: float(np.logaddexp(x, -x) - np.log(2)), lambda x: float(np.tanh(x))),
    "half": (lambda x: max(x, 0.0) ** 2 / 2, lambda x: max(x, 0.0)),
}
"""Name -> (h, h')."""


def points(count: int, *, convex: bool = False) -> Iterator[Case]:
    """ee = |e|^2, gg = |F'|^2, ge = <F', e>, df = F - F*, with mu, L and a step eta.

    Parameters
    ----------
    count : of points
    convex : bool
        mu = 0, and eta up to 1/L; otherwise eta up to min(1/mu, 2/(mu + L)).
    """
    rng = np.random.default_rng(4)
    for i in range(count):
        name = list(SHAPES)[i % len(SHAPES)]
        h, slope = SHAPES[name]
        L = 10 ** rng.uniform(-1, 1)
        mu = 0.0 if convex else L * 10 ** rng.uniform(-3, -0.1)
        x = float(rng.choice([-1, 1]) * 10 ** rng.uniform(-2, 2))
        g = mu * x + (L - mu) * slope(x)
        eta = rng.uniform(0.01, 1) * (1 / L if convex else 2 / (mu + L))
        yield Case(
            f"{name}, L = {L:.3g}, mu = {mu:.3g}, x = {x:.3g}",
            ee=x**2, gg=g**2, ge=g * x, df=mu * x**2 / 2 + (L - mu) * h(x), L=L, mu=mu, eta=eta,
            p=float(rng.uniform(0, 1)),
        )  # fmt: skip
