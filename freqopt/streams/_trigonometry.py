"""Sine and cosine: reduction to a quarter turn with pi/2 in four parts, then Taylor series.

The distance to the nearest multiple of pi/2 is kept in two doubles, so that the relative error
stays below one unit in the last place where the result is close to 0 too.
"""

from __future__ import annotations

import math

import numpy as np

from freqopt.errors import FreqoptError
from freqopt.streams._arithmetic import difference, horner
from freqopt.typing import Doubles

# pi/2 in parts of 33 + 33 + 33 + 53 bits: (integer below 2^20) * (33-bit part) is exact.
HALF_PI = tuple(
    float.fromhex(part)
    for part in (
        "0x1.921fb54400000p+0",
        "0x1.0b4611a600000p-34",
        "0x1.3198a2e000000p-69",
        "0x1.b839a252049c1p-104",
    )
)
TWO_OVER_PI = float.fromhex("0x1.45f306dc9c883p-1")

# Taylor coefficients, lowest power first; every division is correctly rounded.
SIN_SERIES = tuple((-1.0) ** n / math.factorial(2 * n + 1) for n in range(1, 9))  # r^-3, in r^2
COS_SERIES = tuple((-1.0) ** n / math.factorial(2 * n) for n in range(2, 10))  # r^-4, in r^2

# sin and cos refuse larger finite arguments: their reduction is exact for |x| <= 2^20 only.
TRIGONOMETRIC_LIMIT = 2.0**20


def _sine_of_quarter(x: Doubles, shift: int) -> Doubles:
    """sin(x + shift * pi/2)."""
    far = np.isfinite(x) & (np.abs(x) > TRIGONOMETRIC_LIMIT)
    if np.any(far):
        raise FreqoptError(
            f"sin or cos was given the argument {np.asarray(x)[far].flat[0]:.6g}; they are defined "
            f"for |x| <= 2^20 = {TRIGONOMETRIC_LIMIT:.0f} radians. An angle this large usually "
            "means that the iteration diverged: lower the learning rate."
        )
    # x - k pi/2 = r + r_lo with |r| <= pi/4; the first three products are exact
    k = np.rint(x * TWO_OVER_PI)
    r, error_1 = difference(x - k * HALF_PI[0], k * HALF_PI[1])
    r, error_2 = difference(r, k * HALF_PI[2])
    small = (error_1 + error_2) - k * HALF_PI[3]
    exact, r = r, r + small
    r_lo = (exact - r) + small
    z = r * r
    sine = r + (r_lo * (1.0 - 0.5 * z) + r * z * horner(z, SIN_SERIES))
    half = 0.5 * z
    w = 1.0 - half
    cosine = w + (((1.0 - w) - half) + (z * z * horner(z, COS_SERIES) - r * r_lo))
    quarter = k.astype(np.int64) + shift
    value = np.where(quarter & 1 == 1, cosine, sine)
    return np.where(quarter & 2 == 2, -value, value)


def sine(x: Doubles) -> Doubles:
    """Sine for |x| <= 2^20 radians; a larger finite argument raises FreqoptError. sin(-0) is +0.

    Parameters
    ----------
    x : float, or float32 or float64 array

    Returns
    -------
    float64 scalar, or an array of the argument's dtype and shape
    """
    return _sine_of_quarter(x, 0)


def cosine(x: Doubles) -> Doubles:
    """Cosine for |x| <= 2^20 radians; a larger finite argument raises FreqoptError.

    Parameters
    ----------
    x : float, or float32 or float64 array

    Returns
    -------
    float64 scalar, or an array of the argument's dtype and shape
    """
    return _sine_of_quarter(x, 1)
