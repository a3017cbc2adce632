"""The learning rate at a batch: the laws of `lr_decay_law`."""

from __future__ import annotations

import math

from freqopt.streams.elementary import sin

LAST_HALVING = 60.0
"""Halvings of lr_decay_law = "step" after which the rate stays."""


def rate(lr: float, d: float, law: str, t: int) -> float:
    """The rate at batch t >= 1, in float64, of the law that the field `lr_decay_law` describes."""
    x = (t - 1) * d
    if law == "inverse" or d == 0:
        return lr / (1 + x)
    if law == "inverse_sqrt":
        return lr / math.sqrt(1 + x)
    if law == "step":
        return lr * math.ldexp(1.0, -int(min(x, LAST_HALVING)))
    if law == "warmup":
        return lr * min(1.0, t * d)
    left = 1 - min(x, max(0.0, 1 - d))  # of batch 1/d at last: no rate is 0, FTRL divides by it
    root = float(sin(0.5 * math.pi * left))  # (1 + cos(pi x)) / 2 = sin^2(pi (1 - x) / 2)
    return lr * (left if law == "linear" else root * root)
