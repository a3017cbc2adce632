"""The losses of `freqopt.problems._losses` for one score: labels and slopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from freqopt.backends.numba._compile import compiled
from freqopt.backends.numba._elementary import sigmoid
from freqopt.backends.numba.streams._transforms import uniform
from freqopt.backends.numba.streams._trigonometry import sin

TOP = np.uint64(63)


@compiled
def _planted_chance(planted: float, noise: float, word: Any) -> float:
    return 1.0 if uniform(word) < sigmoid(planted) else 0.0


@compiled
def _two_point(planted: float, noise: float, word: Any) -> float:
    return planted + noise if word >> TOP else planted - noise


def label_of(loss: str) -> Callable[..., Any]:
    """`Loss.labels` as a compiled function (planted, noise, word)."""
    return _planted_chance if loss == "logistic" else _two_point


def slope_of(loss: str, real: Any) -> Callable[..., Any]:
    """`Loss.slope` as a compiled function (s, y) of two numbers of the type `real`."""

    @compiled
    def squared(s: Any, y: Any) -> Any:
        return s - y

    @compiled
    def logistic(s: Any, y: Any) -> Any:
        sign = real(1) - real(2) * y
        return sign * real(sigmoid(np.float64(sign * s)))

    @compiled
    def cosine(s: Any, y: Any) -> Any:
        return real(sin(np.float64(s - y)))

    return {"squared": squared, "logistic": logistic, "cosine": cosine}[loss]
