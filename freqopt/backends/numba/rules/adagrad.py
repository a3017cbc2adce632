"""AdaGrad: equations (1) and (2) of `freqopt.optimizers.adagrad`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from freqopt.backends.numba._compile import compiled
from freqopt.backends.numba._kernel import BITWISE, Kernel, Reals, Structure
from freqopt.backends.numba._scalars import rate_of

levels = BITWISE


def kernel(rule: Structure) -> Kernel:
    """One accumulator per element."""
    rate, quotient = rate_of(rule), rule.quotient
    epsilon, rho = rule.index("epsilon", "rho")
    mean, weighted = rule.law == "mean", rule.law == "weighted"
    use_first = rule.order == "use_first"
    outside, guarded = rule.epsilon_place == "outside", rule.epsilon_place == "inside_guarded"

    @compiled
    def scalars(h: Any, t: int) -> Reals:
        return rate(h, t), h[epsilon], h[rho], 1 - h[rho], math.sqrt(t + 1)

    @compiled
    def element(c: Reals, r: Reals, w: Any, g: Any, x: Any, e: Reals) -> tuple[Any, Reals]:
        lr, eps, keep, enter, weight = c
        v = e[0]
        if mean:
            new = keep * v + enter * x  # (1')
        elif weighted:
            new = v + weight * x  # (1'')
        else:
            new = v + x  # (1)
        used = v if use_first else new
        den = np.sqrt(used) + eps if outside else np.sqrt(used + eps)
        return w - lr * quotient(g, den, used == 0 if guarded else den == 0), (new,)  # (2)

    return Kernel(scalars, element)
