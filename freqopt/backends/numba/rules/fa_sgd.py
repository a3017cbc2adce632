"""FA-SGD: equation (6.1) of `freqopt.optimizers.fa_sgd`."""

from __future__ import annotations

import math
from typing import Any

from freqopt.backends.numba._compile import compiled
from freqopt.backends.numba._elementary import power
from freqopt.backends.numba._kernel import BITWISE, Kernel, Reals, Structure, Visit
from freqopt.backends.numba._scalars import rate_of

levels = BITWISE


def kernel(rule: Structure) -> Kernel:
    """A rate per row from its known frequency; float64, rounded once to the table's dtype."""
    rate, real = rate_of(rule), rule.real
    exponent, horizon, batch, smoothness = rule.index("exponent", "horizon", "batch", "smoothness")
    has_horizon = rule.form == "horizon"
    capped, cap_of_frequency = rule.smoothness and rule.cap != "none", rule.cap == "frequency"

    @compiled
    def scalars(h: Any, t: int) -> Reals:
        samples = 1.0 if math.isnan(h[batch]) else h[batch]
        scale = rate(h, t)
        if has_horizon:
            scale = scale * math.sqrt(samples / h[horizon])
        return scale, h[exponent], 4 * h[smoothness], 1 / samples

    @compiled
    def row(c: Reals, s: Reals, visit: Visit, total: Any) -> tuple[Reals, Reals]:
        scale, q, four_l, one_over_b = c
        p = s[0]
        eta = scale / (math.sqrt(p) if q == 0.5 else power(p, q))  # (6.1), (6.5)
        if capped:
            cap = 1 / (four_l * (p + one_over_b)) if cap_of_frequency else 1 / four_l  # (6.4)
            eta = min(eta, cap)
        return (real(eta),), s

    @compiled
    def element(c: Reals, r: Reals, w: Any, g: Any, x: Any, e: Reals) -> tuple[Any, Reals]:
        return w - r[0] * g, e  # (6.1)

    return Kernel(scalars, element, row)
