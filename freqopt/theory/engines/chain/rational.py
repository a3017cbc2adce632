"""Upper certificates of FA-15's chain in exact rationals: what floating point proposed, proved.

For every convex F with least value 0 at 0 and |g| <= gamma, and every x_0 with |x_0| <= R, the
chain x_{n+1} = x_n - eta g_n has  sum_n w_n F(x_n) <= tau R^2 + sum_n nu_n gamma^2,  T w_n the
chance of more than n visits, if there are multipliers m_ij >= 0 of the inequalities
F_i >= F_j + <g_j, x_i - x_j> under which

  1. the values cancel: sum_j (m_jn - m_nj) = w_n for every n, and
  2. tau |x_0|^2 + sum nu_n |g_n|^2 + sum m_ij <g_j, x_i - x_j> is a positive semidefinite form.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import comb

from freqopt.theory.certificate import Form, RefusedError, need, quadratic, semidefinite
from freqopt.theory.engines.chain.tokens import Chain
from freqopt.theory.engines.chain.worst import solved

DENOMINATOR = 2**34
MARGIN = Fraction(1, 2**20)
"""Added to tau and to every nu, so that rounding leaves the form semidefinite."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Certificate:
    """Claim and proof; `checked` believes neither.

    Attributes
    ----------
    steps, p, eta : T, the token's frequency, the step
    multipliers : (i, j) -> m_ij; -1 stands for the minimiser
    tau, nu : of |x_0|^2, and of each |g_n|^2
    """

    steps: int
    p: Fraction
    eta: Fraction
    multipliers: dict[Pair, Fraction]
    tau: Fraction
    nu: tuple[Fraction, ...]

    def bound(self, R2: Fraction = Fraction(1), gamma2: Fraction = Fraction(1)) -> Fraction:
        """What it proves p E F(theta^tau) not to exceed."""
        return self.tau * R2 + sum(self.nu) * gamma2


def weights(steps: int, p: Fraction) -> list[Fraction]:
    """w_n = P(Bin(T, p) > n)/T, n = 0 .. T - 1."""
    law = [comb(steps, m) * p**m * (1 - p) ** (steps - m) for m in range(steps + 1)]
    return [sum(law[n + 1 :], Fraction(0)) / steps for n in range(steps)]


def checked(certificate: Certificate) -> Fraction:
    """The bound it proves for R = gamma = 1.

    Raises
    ------
    RefusedError
        Saying which condition fails.
    """
    T, eta = certificate.steps, certificate.eta
    need(eta > 0 and 0 < certificate.p <= 1 and len(certificate.nu) == T, "a step, p and T nus")
    size = T + 1
    unit = [[Fraction(i == j) for j in range(size)] for i in range(size)]
    x = {n: [Fraction(1), *(-eta if k < n else Fraction(0) for k in range(T))] for n in range(T)}
    x[-1] = [Fraction(0)] * size
    balance = [Fraction(0)] * T
    half = Fraction(1, 2)
    form: Form = quadratic([[certificate.tau]], unit[:1])
    for n, nu in enumerate(certificate.nu):
        form[1 + n][1 + n] += nu
    for (i, j), m in certificate.multipliers.items():
        need(m >= 0, "no negative multiplier")
        if i >= 0:
            balance[i] -= m
        if j < 0:
            continue  # the minimiser's gradient is 0
        balance[j] += m
        dx = [a - b for a, b in zip(x[i], x[j], strict=True)]
        for k, value in enumerate(dx):
            form[k][1 + j] += half * m * value
            form[1 + j][k] += half * m * value
    need(balance == weights(T, certificate.p), "values that cancel")
    semidefinite(form, "the slack")
    return certificate.bound()


def certified(steps: int, p: Fraction, eta: Fraction) -> Certificate:
    """A certificate made of the solver's multipliers, rounded and repaired.

    Raises
    ------
    NoValueError, RefusedError
        If the solver found nothing, or nothing that survives the rounding.
    """
    N = steps
    chain = Chain(tuple(float(w) for w in weights(steps, p)), (float(eta),) * (N - 1), gamma2=1.0)
    proposed = iter(solved(chain).multipliers)
    order = [*range(N), -1]
    found = {(i, j): _rounded(next(proposed)) for i in order for j in order if i != j}
    tau = _rounded(next(proposed)) + MARGIN / N
    nu = tuple(_rounded(next(proposed)) + MARGIN / N for _ in range(N))
    for n, wanted in enumerate(weights(steps, p)):
        total = sum((m for (_, j), m in found.items() if j == n), Fraction(0))
        total -= sum((m for (i, _), m in found.items() if i == n), Fraction(0))
        found[(n, -1) if total > wanted else (-1, n)] += abs(wanted - total)
    certificate = Certificate(steps, p, eta, {k: m for k, m in found.items() if m}, tau, nu)
    checked(certificate)
    return certificate


def _rounded(value: float) -> Fraction:
    return Fraction(max(0, round(float(value) * DENOMINATOR)), DENOMINATOR)


__all__ = ["Certificate", "RefusedError", "certified", "checked", "weights"]
