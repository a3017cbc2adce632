"""Row-wise AdaGrad: equations (1) to (4) of `freqopt.optimizers.rowwise_adagrad`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from freqopt.backends.numba._compile import compiled
from freqopt.backends.numba._elementary import power
from freqopt.backends.numba._kernel import BITWISE, Kernel, Reals, Structure, Visit
from freqopt.backends.numba._scalars import rate_of

levels = BITWISE


def kernel(rule: Structure) -> Kernel:
    """One accumulator per row."""
    rate, real, quotient = rate_of(rule), rule.real, rule.quotient
    epsilon, rho = rule.index("epsilon", "rho")
    mean_square, norm = rule.statistic == "mean_square", rule.statistic == "norm"
    square_of_mean = rule.statistic == "square_of_mean"
    mean, weighted = rule.law == "mean", rule.law == "weighted"
    use_first = rule.order == "use_first"
    outside, cube_root = rule.epsilon_place == "outside", rule.epsilon_place == "cube_root"
    guarded = rule.epsilon_place == "inside_guarded"

    @compiled
    def scalars(h: Any, t: int) -> Reals:
        lr, weight = rate(h, t), math.sqrt(t + 1)
        return lr * weight if weighted else lr, h[epsilon], h[rho], 1 - h[rho], weight

    @compiled
    def term(g: Any, x: Any) -> Any:
        return g if square_of_mean else x

    @compiled
    def statistic(total: Any, width: int) -> Any:
        if mean_square:
            return total / real(width)  # (1)
        if square_of_mean:
            return (total / real(width)) * (total / real(width))  # (1b)
        return np.sqrt(total) if norm else total  # (1a), (1b)

    @compiled
    def row(c: Reals, s: Reals, visit: Visit, total: Any) -> tuple[Reals, Reals]:
        x, before, eps = statistic(total, visit.width), s[0], real(c[1])
        if mean:
            after = real(c[2]) * before + real(c[3]) * x  # (2a)
        elif weighted:
            after = before + real(c[4]) * x  # (2b)
        else:
            after = before + x  # (2)
        used = before if use_first else after
        if outside:
            den = np.sqrt(used) + eps  # (4)
        elif cube_root:
            den = real(power(np.float64(used), 1 / 3)) + eps  # (4b)
        else:
            den = np.sqrt(used + eps)  # (4a)
        if guarded and used == 0:
            den = real(0)
        return (den,), (after,)

    @compiled
    def element(c: Reals, r: Reals, w: Any, g: Any, x: Any, e: Reals) -> tuple[Any, Reals]:
        return w - c[0] * quotient(g, r[0], r[0] == 0), e  # (3)

    return Kernel(scalars, element, row, term, largest=rule.statistic == "max_square")
