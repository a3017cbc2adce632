"""CF-SGD: equations (1) and (2) of `freqopt.optimizers.cf_sgd`."""

from __future__ import annotations

import math
from typing import Any

from freqopt.backends.numba._compile import compiled
from freqopt.backends.numba._elementary import integer_power, power
from freqopt.backends.numba._kernel import BITWISE, Kernel, Reals, Structure, Visit
from freqopt.backends.numba._scalars import rate_of

levels = BITWISE


def kernel(rule: Structure) -> Kernel:
    """A rate per row from its count; float64, rounded once to the table's dtype."""
    rate, real = rate_of(rule), rule.real
    halflife, epsilon, scale, horizon, batch, smoothness = rule.index(
        "halflife", "epsilon", "scale", "horizon", "batch", "smoothness"
    )
    decayed, raw = rule.counter == "decayed", rule.counter == "raw"
    by_occurrence, capped = rule.unit == "occurrence", rule.cap == "smoothness"
    included, one = rule.current == "included", rule.current == "one"
    anytime, has_horizon = rule.form == "anytime", rule.form == "horizon"

    @compiled
    def scalars(h: Any, t: int) -> Reals:
        samples, seen = 1.0, float(t)
        if by_occurrence:  # (6.6)
            samples = 1.0 if math.isnan(h[batch]) else h[batch]
            seen = t * samples if included else (t - 1) * samples
            seen = seen + 1 if one else seen
        fade = power(2.0, -1 / h[halflife]) if decayed else 1.0
        cap = 1 / (4 * h[smoothness]) if capped else math.inf
        return rate(h, t), h[epsilon], h[scale], h[horizon], samples, max(seen, 1.0), fade, cap

    @compiled
    def counted(s: Reals, here: int, t: int, fade: float) -> tuple[Any, Any, Reals]:
        """Count with the present batch and before it, and the new slots; (1)."""
        if decayed:
            before = integer_power(fade, t - s[1] if s[0] > 0 else 0) * s[0]
            if here > 0:
                return here + before, before, (here + before, t)
            return s[0], before, (s[0], s[1])
        if raw:
            return s[0] + here, s[0], (s[0] + here,)
        now = 1 if here > 0 else s[0]
        return now, s[0], (now,)

    @compiled
    def row(c: Reals, s: Reals, visit: Visit, total: Any) -> tuple[Reals, Reals]:
        lr, eps, ub, steps, samples, seen, fade, cap = c
        here = visit.occurrences
        if not by_occurrence:
            here = 1 if visit.occurrences > 0 and visit.first_wave else 0
        now, before, s = counted(s, here, visit.t, fade)
        x = float(now if included else (before + 1 if one else before))
        if not anytime:
            x = x / seen
            x = (steps * x if has_horizon else x) / samples  # (6.2), (6.6)
        eta = min(lr / (math.sqrt(ub * x) + eps), cap)  # (2)
        if visit.occurrences == 0:
            eta = 0.0  # an absent row of rows = "all" stays
        return (real(eta),), s

    @compiled
    def element(c: Reals, r: Reals, w: Any, g: Any, x: Any, e: Reals) -> tuple[Any, Reals]:
        return w - r[0] * g, e

    return Kernel(scalars, element, row)
