"""H_{N,s} = 1 + 2^-s + .. + N^-s for any N: what an asymptotic law of it is compared with.

The first terms are added; Euler and Maclaurin have the rest,

    sum_{k = K+1}^{N} k^-s = int_K^N x^-s dx + (N^-s - K^-s)/2 - s (N^(-s-1) - K^(-s-1))/12,  (1)

within s (s+1) (s+2) K^(-s-3)/720.
"""

from __future__ import annotations

import math

import numpy as np

FIRST = 1000
"""Terms that are added one by one."""

FAR = 1e300
"""An N at which all but the leading terms are below 1e-3, those of ln N, and mostly below 1e-30."""


def power_sum(size: float, s: float) -> float:
    """H_{N,s}, to 1e-13 of it.

    Parameters
    ----------
    size : N >= 1, whole
    s : in [0, 20]

    Returns
    -------
    float
    """
    K = min(size, float(FIRST))
    total = float(np.sum(np.arange(1.0, K + 1) ** -s))
    if size <= FIRST:
        return total
    integral = math.log(size / K) if s == 1 else (size ** (1 - s) - K ** (1 - s)) / (1 - s)
    return (
        total + integral + (size**-s - K**-s) / 2 - s * (size ** (-s - 1) - K ** (-s - 1)) / 12
    )  # (1)
