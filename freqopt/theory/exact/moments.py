r"""Second moments of one scalar error under SGD on a quadratic, in closed form for any horizon.

    e_{s+1} = (1 - eta lam) e_s + eta xi    with probability p,    e_s otherwise,          (1)
    E xi = 0, E xi^2 = sigma^2, 0 < eta lam <= 1.

With a = p eta lam and c = p eta lam (2 - eta lam), y = p eta^2 sigma^2 and m_s = E e_s^2:

    m_{s+1} = (1 - c) m_s + y,      E[e_{s+j} | e_s] = (1 - a)^j e_s.                      (2)

Every quantity below is a sum of non-negative terms: complete homogeneous polynomials h_n in
1, x = 1 - c and z = 1 - a. They are entries of powers of a bidiagonal matrix,

    (J^n)_{0,k} = h_{n-k}(d_0, .., d_k),    J = diag(d) + superdiagonal of ones,           (3)

and squaring such a matrix adds and multiplies non-negative numbers only, so nothing cancels. A
closed form with differences of powers is algebraically the same and loses all its digits where
p eta lam T is small; a minimum over step sizes then selects the garbage. The diagonal of J^n is
recomputed at each squaring as exp(n log1p(-c)), which keeps a relative accuracy of 1e-14 at
T = 10^12 although 1 - c itself is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from freqopt.typing import Doubles


def last_iterate(c: Any, y: Any, m0: Any, steps: int) -> Doubles:
    """m_T of recursion (2), for arrays c in [0, 1], y >= 0, m0 >= 0 that broadcast.

    Any affine recursion will do: with a mini-batch only c and y differ.
    """
    c, y, m0 = _together(c, y, m0)
    powers = bidiagonal_power([c, 0 * c], steps)
    return np.asarray(powers[0][0] * m0 + powers[0][1] * y)


def time_average(c: Any, y: Any, m0: Any, steps: int) -> Doubles:
    """(m_0 + .. + m_{T-1}) / T of recursion (2)."""
    c, y, m0 = _together(c, y, m0)
    powers = bidiagonal_power([c, 0 * c, 0 * c], steps)
    return np.asarray((powers[0][1] * m0 + powers[0][2] * y) / steps)


def averaged_iterate(p: Any, curvature: Any, sigma2: Any, m0: Any, eta: Any, steps: int) -> Doubles:
    """E ((e_0 + .. + e_{T-1}) / T)^2 of (1), where 0 < eta lam <= 1.

    With w_s = 1 + 2 sum_{1 <= j < T-s} z^j the square is sum_s m_s w_s, and by (2)

        sum_s x^s w_s               = h_{T-1}(1,x,z) + z h_{T-2}(1,x,z),                   (4)
        sum_s w_s sum_{r<s} x^r     = h_{T-2}(1,1,x,z) + z h_{T-3}(1,1,x,z).               (5)
    """
    p, curvature, sigma2, m0, eta = _together(p, curvature, sigma2, m0, eta)
    h = eta * curvature
    a, c, y = p * h, p * h * (2 - h), p * eta**2 * sigma2
    one = 0 * a
    # Nodes in the order (1, x, z, 1): entry (0, 2) is (1, x, z), entry (0, 3) all four.
    less = bidiagonal_power([one, c, a, one], steps)
    z = 1 - a
    more02 = less[0][1] + z * less[0][2]  # (J^{T+1})_{0,2}
    more03 = less[0][2] + less[0][3]  # (J^{T+1})_{0,3}; the fourth node is 1
    from_start = more02 + z * less[0][2]  # (4)
    from_noise = more03 + z * less[0][3]  # (5)
    return np.asarray((m0 * from_start + y * from_noise) / float(steps) ** 2)


def bidiagonal_power(gaps: Sequence[Doubles], n: int) -> list[list[Doubles]]:
    """Upper triangle of J^n for nodes d_i = 1 - gaps_i in [0, 1], by squaring, (3)."""
    size = len(gaps)
    with np.errstate(divide="ignore"):
        logs = [np.log1p(-gap) for gap in gaps]
    ones = np.ones_like(gaps[0])
    zero = 0 * ones
    power = [[ones if i == j else zero for j in range(size)] for i in range(size)]  # J^0
    done = 0
    for bit in bin(n)[2:]:
        power = [
            [_entry(power, power, i, j) if i <= j else zero for j in range(size)]
            for i in range(size)
        ]
        done *= 2
        if bit == "1":
            power = [
                [
                    (power[i][j - 1] if j > i else zero) + power[i][j] * (1 - gaps[j])
                    if j >= i
                    else zero
                    for j in range(size)
                ]
                for i in range(size)
            ]
            done += 1
        for i in range(size):
            power[i][i] = np.exp(done * logs[i]) if done else ones
    return power


def _entry(left: list[list[Doubles]], right: list[list[Doubles]], i: int, j: int) -> Doubles:
    entry = left[i][i] * right[i][j]
    for k in range(i + 1, j + 1):
        entry = entry + left[i][k] * right[k][j]
    return entry


def _together(*arrays: Any) -> list[Doubles]:
    return list(np.broadcast_arrays(*(np.asarray(a, np.float64) for a in arrays)))
