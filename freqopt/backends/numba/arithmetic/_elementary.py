"""The elementary functions of `freqopt.streams.elementary` for one number, operation by operation.

The same bits: each line is the scalar form of the line of that module with the same name, where the
method and its errors are stated. float64 in, float64 out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from freqopt.backends.numba.jit._compile import compiled, inlined
from freqopt.streams._arithmetic import SPLITTER
from freqopt.streams.elementary import (
    EXP_SERIES,
    INV_LN2,
    LN2_HI,
    LN2_LO,
    LOG_SERIES,
    SQRT_HALF,
)

NEAR = 2.0**-35
"""Largest relative error of `near_sigmoid`, with a factor of two to spare."""
ROUNDER = 1.5 * 2.0**52
"""A number below 2^50 plus this is an integer plus this, with the integer in the lowest bits."""
ROUNDER_BITS = np.int64(np.float64(ROUNDER).view(np.int64))
LN2 = LN2_HI + LN2_LO


@compiled
def integer_power(base: float, n: int) -> float:
    """base^n for n >= 0 by squaring."""
    result = 1.0
    while n > 0:
        if n & 1:
            result *= base
        base *= base
        n >>= 1
    return result


@compiled
def horner(x: float, series: tuple[float, ...]) -> float:
    """series[0] + series[1] x + ..., from the highest power down."""
    total = x * series[len(series) - 1] + series[len(series) - 2]
    for n in range(len(series) - 3, -1, -1):
        total = total * x + series[n]
    return total


@compiled
def power_of_two(k: int) -> float:
    """2^k for -1022 <= k <= 1023, put together from its bits."""
    return np.int64((k + 1023) << 52).view(np.float64)


@compiled
def ldexp(x: float, k: int) -> float:
    """x 2^k, rounded once; |k| < 2000 and x is no subnormal number."""
    half = k >> 1
    return x * power_of_two(half) * power_of_two(k - half)


@compiled
def frexp(x: float) -> tuple[float, int]:
    """m in [1/2, 1) and e with m 2^e = x, for 0 < x < inf."""
    shift = 54 if x < 2.0**-1022 else 0
    bits = np.float64(x * power_of_two(shift)).view(np.int64)
    m = np.int64(bits & ((1 << 52) - 1) | (1022 << 52)).view(np.float64)
    return m, (bits >> 52 & 0x7FF) - 1022 - shift


@compiled
def product_error(x: float, y: float, xy: float) -> float:
    """Dekker: x * y - fl(x * y), exactly."""
    x_cut, y_cut = SPLITTER * x, SPLITTER * y
    x_hi, y_hi = x_cut - (x_cut - x), y_cut - (y_cut - y)
    x_lo, y_lo = x - x_hi, y - y_hi
    return x_lo * y_lo - (((xy - x_hi * y_hi) - x_lo * y_hi) - x_hi * y_lo)


@compiled
def exp_parts(hi: float, lo: float) -> tuple[int, float, float]:
    """k, t, rest with e^(hi + lo) = 2^k (t + rest)."""
    if hi < -746.0:
        hi = -746.0
    if hi > 710.0:
        hi = 710.0
    k = np.rint(hi * INV_LN2)
    exact = hi - k * LN2_HI
    small = lo - k * LN2_LO
    r = exact + small
    r_lo = (exact - r) + small
    t = 1.0 + r
    t_lo = (1.0 - t) + r
    exponent = 0 if math.isnan(k) else int(k)
    return exponent, t, t_lo + (r_lo + r * r * horner(r, EXP_SERIES))


@inlined
def log_of(m: float, k: float) -> tuple[float, float]:
    """Two numbers, hi + lo = log(m 2^k) to about 60 bits, for sqrt(1/2) <= m < sqrt(2)."""
    f = m - 1.0
    d = m + 1.0
    d_lo = m - (d - 1.0)
    s = f / d
    sd = s * d
    s_lo = (((f - sd) - product_error(s, d, sd)) - s * d_lo) / d
    z = s * s
    series = 2.0 * s_lo + s * z * horner(z, LOG_SERIES)
    head = k * LN2_HI
    hi = head + 2.0 * s
    lo = ((head - hi) + 2.0 * s) + (k * LN2_LO + series)
    total = hi + lo
    return total, (hi - total) + lo


@compiled
def log_parts(x: float) -> tuple[float, float]:
    """Two numbers, hi + lo = log x to about 60 bits, for 0 < x < inf."""
    m, e = frexp(x)
    k = float(e)
    if m < SQRT_HALF:
        m, k = 2.0 * m, k - 1.0
    return log_of(m, k)


@compiled
def log_limits(x: float, inside: float) -> float:
    """`inside` for 0 < x < inf; log 0 = -inf, log inf = inf, NaN for x < 0 and NaN."""
    if 0.0 < x < math.inf:
        return inside
    if x == math.inf:
        return math.inf
    return -math.inf if x == 0.0 else math.nan


@compiled
def exp(x: float) -> float:
    """e^x."""
    k, t, rest = exp_parts(x, 0.0)
    return ldexp(t + rest, k)


@compiled
def expm1(x: float) -> float:
    """e^x - 1."""
    k, t, rest = exp_parts(x, 0.0)
    return (ldexp(t, k) - 1.0) + ldexp(rest, k)


@compiled
def log(x: float) -> float:
    """Natural logarithm."""
    return log_limits(x, log_parts(x)[0])


@compiled
def log1p(x: float) -> float:
    """log(1 + x)."""
    u = 1.0 + x
    x_part = u - 1.0
    lost = (1.0 - (u - x_part)) + (x - x_part)
    hi, lo = log_parts(u)
    return log_limits(u, hi + (lo + lost / u))


@compiled
def sigmoid(x: float) -> float:
    """1 / (1 + e^-x)."""
    e = exp(-abs(x))
    return (1.0 if x >= 0.0 else e) / (1.0 + e)


@compiled
def near_sigmoid(x: float) -> float:
    """`sigmoid` to NEAR, in half the time; x is taken to be at most 700 in size.

    e^-|x| = 2^k e^r with |r| < ln(2) / 2. The series ends with r^9 / 9!: what is left out is below
    2^-37 (r^10 / 10!), 2^-36.5 beside e^r. Pairs of terms are independent of each other, where each
    step of Horner's scheme waits for the one before.
    """
    c = EXP_SERIES
    size = min(abs(x), 700.0)
    shifted = ROUNDER - size * INV_LN2
    power = np.int64((np.float64(shifted).view(np.int64) + 1023) << 52).view(np.float64)
    r = (ROUNDER - shifted) * LN2 - size
    r2 = r * r
    r4 = r2 * r2
    low = (1.0 + r) + r2 * (c[0] + r * c[1])
    high = ((c[2] + r * c[3]) + r2 * (c[4] + r * c[5])) + r4 * (c[6] + r * c[7])
    e = power * (low + r4 * high)
    return (1.0 if x >= 0.0 else e) / (1.0 + e)


@compiled
def softplus(x: float) -> float:
    """log(1 + e^x)."""
    positive = x if x > 0.0 or math.isnan(x) else 0.0
    return positive + log1p(exp(-abs(x)))


@inlined
def softplus_below(size: float) -> float:
    """softplus(-size) for size >= 0, without branches: a loop over it becomes one over vectors.

    e^-size = 2^n (t + rest) is at most 1, so that log1p has an argument in (1, 2], whose exponent
    and mantissa a comparison tells. What is left out of `exp` and `log1p` changes no bit here.
    """
    hi = size if math.isnan(size) else -min(size, 746.0)
    shifted = hi * INV_LN2 + ROUNDER
    k = shifted - ROUNDER
    exact = hi - k * LN2_HI
    small = 0.0 - k * LN2_LO
    r = exact + small
    r_lo = (exact - r) + small
    t = 1.0 + r
    t_lo = (1.0 - t) + r
    rest = t_lo + (r_lo + r * r * horner(r, EXP_SERIES))
    n: Any = np.float64(shifted).view(np.int64) - ROUNDER_BITS
    first = max(n, -1000)  # what it is scaled by first is exact
    e = (t + rest) * np.int64((first + 1023) << 52).view(np.float64)
    e *= np.int64((n - first + 1023) << 52).view(np.float64)
    u = 1.0 + e
    e_part = u - 1.0
    lost = (1.0 - (u - e_part)) + (e - e_part)
    low = u < 2.0 * SQRT_HALF
    hi, lo = log_of(u if low else 0.5 * u, 0.0 if low else 1.0)
    return hi + (lo + lost / u)


@compiled
def power(x: float, y: float) -> float:
    """x^y for x >= 0, NaN for x < 0."""
    if y == 0.0 and x >= 0.0:
        return 1.0
    hi, lo = log_parts(x)
    hi = log_limits(x, hi)
    y = min(max(y, -(2.0**66)), 2.0**66)
    product = y * hi
    rest = product_error(y, hi, product) + y * lo
    k, t, rest = exp_parts(product, rest if abs(product) < 746.0 else 0.0)
    return ldexp(t + rest, k)
