"""The losses of `freqopt.problems._losses` for one score: labels and slopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from freqopt.backends.numba.arithmetic._elementary import NEAR, near_sigmoid, sigmoid
from freqopt.backends.numba.jit._compile import compiled
from freqopt.backends.numba.streams._trigonometry import sin

TOP = np.uint64(63)


@compiled
def two_point(planted: float, noise: float, word: Any) -> float:
    """`Squared.labels`, `Cosine.labels`."""
    return planted + noise if word >> TOP else planted - noise


@compiled
def rounded_sigmoid(x: float) -> Any:
    """`sigmoid`, rounded to float32.

    What is near it and rounds one way, NEAR up or down, says how it rounds. Where that leaves it
    open, once in about a thousand times, it is computed.
    """
    near = near_sigmoid(x)
    value = np.float32(near * (1.0 - NEAR))
    return value if value == np.float32(near * (1.0 + NEAR)) else np.float32(sigmoid(x))


def slope_of(loss: str, real: Any) -> Callable[..., Any]:
    """`Loss.slope` as a compiled function (s, y) of two numbers of the type `real`."""
    chance = rounded_sigmoid if real == numba.float32 else sigmoid

    @compiled
    def squared(s: Any, y: Any) -> Any:
        return s - y

    @compiled
    def logistic(s: Any, y: Any) -> Any:
        sign = real(1) - real(2) * y
        return sign * chance(np.float64(sign * s))

    @compiled
    def cosine(s: Any, y: Any) -> Any:
        return real(sin(np.float64(s - y)))

    return {"squared": squared, "logistic": logistic, "cosine": cosine}[loss]
