r"""RMSprop and dense Adam as rules that count: their rate as a function of frequency (law L4).

With a second moment v that is an exponential mean over all steps, and gradients whose square is s^2
at visits and 0 otherwise, a visit after B_1, B_2, .. (independent, 1 with probability p) finds

    v = s^2 (1 - beta2) (1 + sum_{j >= 1} beta2^j B_j),     E v = s^2 ((1 - beta2) + beta2 p),   (1)

so the rate per visit, lr / sqrt(v), falls like p^-1/2 for p >> 1 - beta2 and no further below:

    eta_k = c (p_k + 1 - beta2)^-1/2.                                                           (2)

(2) has the mean of v where the mean of its inverse root belongs. Exactly, from the Laplace
transform of the sum in (1), which is a product,

    E v^-1/2 = (s^2 (1 - beta2) pi)^-1/2 integral_0^inf t^-1/2 e^-t
               prod_{j >= 1} (1 - p (1 - e^(-t beta2^j))) dt,                                    (3)

and (3) over (2) lies between 1 and 1.05 for beta2 >= .99, 1.07 for .9 (`inverse_root`).
"""

from __future__ import annotations

import numpy as np

from freqopt.typing import Doubles

NODES = 120
"""Of the integral over t."""


def effective_shape(p: Doubles, rest: float) -> Doubles:
    """(2) without c, for rest = 1 - beta2: the rate of RMSprop and dense Adam, float64 (N,)."""
    return (p + rest) ** -0.5


def inverse_root(p: float, beta2: float) -> float:
    """(3) times sqrt(p + 1 - beta2), for s = 1: the error of (2) as a factor.

    With t = u^2 the integrand is 2 e^(-u^2) times a smooth function: trapezoid rule on [0, 7].
    """
    u = np.linspace(0.0, 7.0, NODES)
    most = int(np.ceil(np.log(1e-12) / np.log(beta2))) if beta2 > 0 else 0
    log_product = np.zeros(NODES)
    for block in np.array_split(np.arange(1.0, most + 1), max(1, most // 4000)):
        faded = np.exp(block * np.log(beta2))[:, None] if beta2 > 0 else np.zeros((0, 1))
        log_product += np.log1p(p * np.expm1(-(u**2) * faded)).sum(axis=0)
    height = 2 * np.exp(-(u**2) + log_product)
    integral = (height.sum() - (height[0] + height[-1]) / 2) * (u[1] - u[0])
    return float(integral * np.sqrt((p + 1 - beta2) / ((1 - beta2) * np.pi)))
