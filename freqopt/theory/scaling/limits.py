r"""What the exact recursion tends to: exponents and constants of laws L1, L2 and L4.

Written for p_k = k^-nu / Z, k = 1, 2, .., nu > 1, starts at R^2 = 1, noise S and rates min(1, c
p^-q), c tuned for the horizon T. Two regimes, parted by q* = 1 - 1/nu. Below it the noise is made
by the frequent tokens, and with m = nu (1 - q) > 1, a = (nu - 1)/m, X = 2 T c / Z^(1-q):

    2 gap ~ G X^-a + S zeta(m) X / (4 T),   G = Gamma(a) / (m Z),                              (1)

least at X = (4 T a G / (S zeta(m)))^(1/(1+a)), where gap ~ (1 + a)/2 G X^-a. Above it everything
happens at tokens that are seen a few times, y = T p_k of order one, and

    gap ~ T^-(1 - 1/nu) Z^(-1/nu)/(2 nu) min_g integral_0^inf y^(-1/nu) h(y) dy,               (2)

h(y) the second moment of a token seen y times on average at the rate min(1, g y^-q). At q = q* the
noise has a logarithm, and at q = 1 the start has one, because every token then forgets equally
fast: the exponents hold, and there are no constants.
"""

from __future__ import annotations

import numpy as np
from scipy.special import beta, gamma, lambertw, zeta

from freqopt.theory.scaling.groups import Groups
from freqopt.theory.scaling.online import least

Y = np.geomspace(1e-30, 1e30, 24_001)
"""Mean visits at which (2) is summed; trapezoid rule in log y."""


def critical_exponent(nu: float) -> float:
    """q* = 1 - 1/nu: the least exponent of the rate that reaches the oracle's exponent."""
    return 1 - 1 / nu


def exponent(nu: float, q: float, start: float = 0.0) -> float:
    """Beta of gap ~ T^-beta for rates c p^-q, and starts R_k^2 = p_k^start.

    a = (nu (1 + start) - 1) / (nu (1 - q)), beta = a / (1 + a) for q < q*; from q* on the optimum,
    1 - 1/(nu (1 + start)).
    """
    steep = nu * (1 + start)
    if q >= critical_exponent(nu):
        return 1 - 1 / steep
    a = (steep - 1) / (nu * (1 - q))
    return a / (1 + a)


def constant(nu: float, q: float, noise: float = 1.0) -> float:
    """C of gap ~ C T^-beta, by (1) or (2), for 0 <= q < 1 and q != q*."""
    if q < critical_exponent(nu):
        m = nu * (1 - q)
        a = (nu - 1) / m
        G = gamma(a) / (m * zeta(nu))
        X = (4 * a * G / (noise * zeta(m))) ** (1 / (1 + a))  # at T = 1
        return float((1 + a) / 2 * G * X**-a)
    weight = Y ** (-1 / nu) * Y * np.log(Y[1] / Y[0])

    def integral(log_g: float) -> float:
        eta = np.minimum(1.0, np.exp(log_g) * Y**-q)
        left = np.exp(-Y * eta * (2 - eta))
        # what a row has forgotten it has replaced by noise
        return float(np.sum(weight * (left + (1 - left) * eta * noise / (2 - eta))))

    value, _ = least(integral, 1e-3, 1e3)
    return float(zeta(nu) ** (-1 / nu) / (2 * nu) * value)


def late_adaptive_constant(nu: float, noise: float = 1.0) -> tuple[float, float]:
    """L4: (D, e) of gap ~ D (1-beta2)^e T^-b for RMSprop, T (1-beta2) >> 1 and 1 < nu < 2.

    With b' = 1 - beta2 the deciding tokens have the rate eta = c b'^-1/2, and the jitter of all is

        c sum_k p_k (p_k + b')^-1/2 = eta b'^a Z^(-1/nu) B(a, 1/nu - 1/2) / nu,   a = 1 - 1/nu,

    made by tokens with p of order b'. The rest is (1) with this in the place of zeta(m).
    """
    a, scale = 1 - 1 / nu, zeta(nu) ** (-1 / nu) / nu
    G, J = scale * gamma(a), scale * beta(a, 1 / nu - 0.5)
    D = (1 + a) / 2 * G * (4 * a * G / (noise * J)) ** (-a / (1 + a))
    return float(D), a**2 / (1 + a)


def late_speed_up(groups: Groups) -> float:
    """L2: steps of SGD over steps of FA-SGD as T -> infinity, 1/(sqrt(p_N) sum_k sqrt(p_k))."""
    return float(1 / (np.sqrt(groups.p[-1]) * np.sum(groups.weight * np.sqrt(groups.p))))


def late_gap(groups: Groups, nu: float, steps: float, noise: float, q: float) -> float:
    """L2 with its logarithm, for a Zipf law of N tokens and T N p_N^2 >> 1.

    The rarest tokens decide. With x = 2 T c p_N^(1-q) and A = sum_k p_k^(1-q) / p_N^(1-q)

        2 gap ~ S A x / (4 T) + N p_N / (nu (1-q) x) e^-x,

    least at x + log x = log(4 T N p_N / (nu (1-q) S A)) but for 1/x in the sum, so that
    gap ~ S A (1 + x) / (8 T).
    """
    p, count = groups.p[-1], groups.size
    A = float(np.sum(groups.weight * groups.p ** (1 - q))) / p ** (1 - q)
    x = float(lambertw(4 * steps * count * p / (nu * (1 - q) * noise * A)).real)
    return noise * A * (1 + x) / (8 * steps)
