"""Exact arithmetic on rounded numbers: what an addition or a product loses, and Horner's scheme.

Each operation on two doubles has an error that is itself a double and can be computed exactly,
without wider types and without fused multiply-add (Dekker, *Numer. Math.* 18, 1971, 224-242).
"""

from __future__ import annotations

from freqopt.typing import Doubles

SPLITTER = 2.0**27 + 1.0  # Veltkamp: cuts 53 bits into 26 + 26 and a sign


def horner(x: Doubles, series: tuple[float, ...]) -> Doubles:
    """series[0] + series[1] x + ..., from the highest power down."""
    total = x * series[-1] + series[-2]
    for coefficient in series[-3::-1]:
        total *= x
        total += coefficient
    return total


def _split(x: Doubles) -> tuple[Doubles, Doubles]:
    """Veltkamp: x = hi + lo, each with at most 26 bits."""
    c = SPLITTER * x
    hi = c - (c - x)
    return hi, x - hi


def product_error(x: Doubles, y: Doubles, xy: Doubles) -> Doubles:
    """Dekker: x * y - fl(x * y), exactly."""
    x_hi, x_lo = _split(x)
    y_hi, y_lo = _split(y)
    return x_lo * y_lo - (((xy - x_hi * y_hi) - x_lo * y_hi) - x_hi * y_lo)


def difference(a: Doubles, b: Doubles) -> tuple[Doubles, Doubles]:
    """Knuth: a - b = d + error, exactly."""
    d = a - b
    v = a - d
    return d, (a - (d + v)) + (v - b)
