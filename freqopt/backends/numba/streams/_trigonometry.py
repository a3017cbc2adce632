"""The sine of `freqopt.streams._trigonometry` for one number, operation by operation."""

from __future__ import annotations

import math

import numpy as np

from freqopt.backends.numba.arithmetic._elementary import horner
from freqopt.backends.numba.jit._compile import compiled
from freqopt.streams._trigonometry import (
    COS_SERIES,
    HALF_PI,
    SIN_SERIES,
    TRIGONOMETRIC_LIMIT,
    TWO_OVER_PI,
)


@compiled
def difference(a: float, b: float) -> tuple[float, float]:
    """Knuth: a - b = d + error, exactly."""
    d = a - b
    v = a - d
    return d, (a - (d + v)) + (v - b)


@compiled
def sin(x: float) -> float:
    """Sine for |x| <= 2^20 radians, else NaN."""
    if not abs(x) <= TRIGONOMETRIC_LIMIT:
        return math.nan
    k = np.rint(x * TWO_OVER_PI)
    r, error_1 = difference(x - k * HALF_PI[0], k * HALF_PI[1])
    r, error_2 = difference(r, k * HALF_PI[2])
    small = (error_1 + error_2) - k * HALF_PI[3]
    exact, r = r, r + small
    r_lo = (exact - r) + small
    z = r * r
    quarter = np.int64(k)
    if quarter & 1:
        half = 0.5 * z
        w = 1.0 - half
        value = w + (((1.0 - w) - half) + (z * z * horner(z, COS_SERIES) - r * r_lo))
    else:
        value = r + (r_lo * (1.0 - 0.5 * z) + r * z * horner(z, SIN_SERIES))
    return -value if quarter & 2 else value
