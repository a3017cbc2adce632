"""Schedules of the rate that are not the law that was asked for, by the law."""

from __future__ import annotations

import math
from collections.abc import Callable

Fall = Callable[[float, float, int], float]
"""(x = (t - 1) d, d, t) -> the rate over lr."""


def _cosine(x: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * x))


LAWS: dict[str, dict[str, Fall]] = {
    "inverse_sqrt": {
        "is 1 / (1 + sqrt(x))": lambda x, d, t: 1 / (1 + math.sqrt(x)),
        "is 1 / sqrt(t)": lambda x, d, t: 1 / math.sqrt(t),
        "is 1 / sqrt(max(1, x))": lambda x, d, t: 1 / math.sqrt(max(1.0, x)),
        "is 1 / (1 + x)^2": lambda x, d, t: 1 / (1 + x) ** 2,
        "counts from t, not from t - 1": lambda x, d, t: 1 / math.sqrt(1 + t * d),
    },
    "linear": {
        "does not stop: it is negative after batch 1/d": lambda x, d, t: 1 - x,
        "stops at 0, not with batch 1/d": lambda x, d, t: max(1 - x, 0.0),
        "stops at the rate of a batch earlier": lambda x, d, t: 1 - min(x, 1 - 2 * d),
        "falls half as fast": lambda x, d, t: 1 - min(x / 2, 1 - d),
        "is the square of the line": lambda x, d, t: (1 - min(x, 1 - d)) ** 2,
        "counts from t, not from t - 1": lambda x, d, t: max(1 - t * d, d),
        "turns and rises again": lambda x, d, t: abs(1 - x),
    },
    "cosine": {
        "is cos(pi x): from 1 to -1": lambda x, d, t: math.cos(math.pi * min(x, 1 - d)),
        "is cos(pi x), and does not stop": lambda x, d, t: math.cos(math.pi * x),
        "is cos(pi x / 2)": lambda x, d, t: math.cos(0.5 * math.pi * min(x, 1 - d)),
        "does not stop: it rises again after batch 1/d": lambda x, d, t: _cosine(x),
        "stops at 0, not with batch 1/d": lambda x, d, t: _cosine(min(x, 1.0)),
        "has x without pi": lambda x, d, t: 0.5 * (1 + math.cos(min(x, 1 - d))),
        "counts from t, not from t - 1": lambda x, d, t: _cosine(min(t * d, 1 - d)),
        "rises: its sign is turned": lambda x, d, t: 1 - _cosine(min(x, 1 - d)),
    },
    "step": {
        "rounds x up": lambda x, d, t: 2.0 ** -math.ceil(x),
        "rounds x to the nearest": lambda x, d, t: 2.0 ** -round(x),
        "does not round x": lambda x, d, t: 2.0**-x,
        "falls to a tenth, not to a half": lambda x, d, t: 10.0 ** -math.floor(x),
        "halves once and stays": lambda x, d, t: 2.0 ** -min(math.floor(x), 1),
        "counts from t, not from t - 1": lambda x, d, t: 2.0 ** -math.floor(t * d),
        "divides by 1 + floor(x)": lambda x, d, t: 1 / (1 + math.floor(x)),
    },
    "warmup": {
        "begins at 0: min(1, x)": lambda x, d, t: min(1.0, x),
        "does not stop: t d": lambda x, d, t: t * d,
        "is the square of the line": lambda x, d, t: min(1.0, t * d) ** 2,
        "is the root of the line": lambda x, d, t: math.sqrt(min(1.0, t * d)),
        "falls instead: 1 - x": lambda x, d, t: max(1 - x, 0.0),
        "is 0 until batch 1/d": lambda x, d, t: float(t * d >= 1),
        "is a batch early": lambda x, d, t: min(1.0, (t + 1) * d),
        "is 1 - exp(-t d)": lambda x, d, t: 1 - math.exp(-t * d),
    },
}
"""What the law of `lr_decay_law` may be instead; that of `inverse` is in `rates`."""
