r"""Finite data, several passes: the expected excess risk of a token with n samples (law L5).

A row starts at distance R = 1 from its optimum and is fitted to n samples of noise S, which are
passed over E times in one order at the rate eta. Its estimate is linear in the samples. With rho =
(1 - eta)^n, the share of the start that one pass leaves,

    E e^2 = rho^(2E) + S eta/(2 - eta) (1 + rho) (1 - rho^E)^2 / (1 - rho).                     (1)

E = 1 is the recursion for fresh samples. Many small steps, n E eta = x, give shrinkage,

    E e^2 -> e^(-2x) + (1 - e^-x)^2 S / n,                                                     (2)

and Bayes' rule for starts of variance 1 has the weight n/(n + S) where (2) has 1 - e^-x, and the
risk S/(n + S). SGD has x = c n, FA-SGD, AdaGrad and CF-SGD x = c sqrt(n), exponent q x = c n^(1-q).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from freqopt.theory.scaling.online import least
from freqopt.typing import Doubles


def token_risk(n: ArrayLike, eta: ArrayLike, epochs: float, noise: float) -> Doubles:
    """(1); 1 for tokens without samples.

    Parameters
    ----------
    n, eta : broadcast together
        Samples of the token; its rate in [0, 1].
    epochs : float
        E >= 1.
    noise : float
        S / R^2.
    """
    n, eta = np.asarray(n, np.float64), np.asarray(eta, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_rho = n * np.log1p(-eta)  # -inf where one step forgets everything
        share = -np.expm1(log_rho)
        fitted = -np.expm1(epochs * log_rho)
        noisy = noise * eta / (2 - eta) * (1 + np.exp(log_rho)) * fitted**2 / share
        risk = np.exp(2 * epochs * log_rho) + noisy
    return np.where((n > 0) & (eta > 0), risk, 1.0)


def shrinkage_risk(n: ArrayLike, x: ArrayLike, noise: float) -> Doubles:
    """(2); 1 for tokens without samples."""
    n, left = np.asarray(n, np.float64), np.exp(-np.asarray(x, np.float64))
    return np.where(n > 0, left**2 + (1 - left) ** 2 * noise / np.maximum(n, 1), 1.0)


def bayes_risk(n: ArrayLike, noise: float) -> Doubles:
    """S / (n + S): the least risk, at the weight n / (n + S)."""
    return noise / (np.asarray(n, np.float64) + noise)


def tuned_risk(
    n: Doubles, weight: Doubles, epochs: float, noise: float, *, q: float, cap: float = 1.0
) -> tuple[float, float]:
    """1/2 sum of weight times (1) at the rates min(cap, c n^-q) with the best c, and that c.

    Parameters
    ----------
    n : float64 (G,)
        Numbers of samples, of data at hand or of a random data set (`counting.visit_law`).
    weight : float64 (G,)
        Probability that a future sample's token has that number.
    epochs : float
        E; infinity for (2), where c is that of x = c n^(1-q).
    """
    seen = np.maximum(n, 1.0)

    def risk(log_c: float) -> float:
        c = np.exp(log_c)
        if np.isinf(epochs):
            return float(np.sum(weight * shrinkage_risk(n, c * seen ** (1 - q), noise))) / 2
        return (
            float(np.sum(weight * token_risk(n, np.minimum(cap, c * seen**-q), epochs, noise))) / 2
        )

    top = float(seen.max())
    if np.isinf(epochs):
        return least(risk, 1e-4 / top, 30.0)
    return least(risk, 1e-4 / (epochs * top ** (1 - q)), cap * top**q)
