"""RMSprop: equations (1) to (8) of `freqopt.optimizers.rmsprop`."""

from __future__ import annotations

from typing import Any

import numpy as np

from freqopt.backends.numba._compile import compiled
from freqopt.backends.numba._elementary import integer_power
from freqopt.backends.numba._kernel import BITWISE, Kernel, Reals, Structure
from freqopt.backends.numba._scalars import rate_of

levels = BITWISE


def kernel(rule: Structure) -> Kernel:
    """Plain or centered, with or without momentum."""
    rate, real, quotient = rate_of(rule), rule.real, rule.quotient
    rho, epsilon, momentum = rule.index("rho", "epsilon", "momentum")
    centered, corrects, has_buffer = rule.centered, rule.bias_correction, rule.momentum
    nesterov, rate_inside = rule.nesterov, rule.rate_place == "inside"
    outside = rule.epsilon_place == "outside"

    @compiled
    def scalars(h: Any, t: int) -> Reals:
        c = 1 - integer_power(h[rho], t) if corrects else 1.0
        return rate(h, t), h[rho], 1 - h[rho], h[epsilon], h[momentum], c

    @compiled
    def element(c: Reals, r: Reals, w: Any, g: Any, x: Any, e: Reals) -> tuple[Any, Reals]:
        lr, keep, enter, eps, mu, correction = c
        v = keep * e[0] + enter * x  # (1)
        u = v / correction if corrects else v
        if centered:
            a = keep * e[1] + enter * g  # (2)
            mean = a / correction if corrects else a
            u = u - mean * mean
            u = real(0) if u < 0 else u  # (3)
            means = (a,)
        else:
            means = ()  # type: ignore[assignment]
        den = np.sqrt(u) + eps if outside else np.sqrt(u + eps)
        step = quotient(g, den, den == 0)  # (4)
        if not has_buffer:
            return w - lr * step, (v, *means)  # (5)
        if rate_inside:
            step = lr * step
        b = mu * e[len(e) - 1] + step  # (6), (7)
        move = step + mu * b if nesterov else b  # (8)
        return w - move if rate_inside else w - lr * move, (v, *means, b)

    return Kernel(scalars, element)
