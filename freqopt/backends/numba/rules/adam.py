"""Adam: equations (1) to (7) of `freqopt.optimizers.adam`, and (1) to (3) of its rule `nadam`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from freqopt.backends.numba._compile import compiled
from freqopt.backends.numba._elementary import integer_power, power
from freqopt.backends.numba._kernel import BITWISE, Kernel, Reals, Structure, Visit
from freqopt.backends.numba._scalars import rate_of

levels = BITWISE


def kernel(rule: Structure, *, scheduled: bool = False) -> Kernel:
    """Adam with all its options; `scheduled` is nadam's momentum."""
    rate, real, quotient = rate_of(rule), rule.real, rule.quotient
    beta1, beta2, epsilon, epsilon_root = rule.index("beta1", "beta2", "epsilon", "epsilon_root")
    psi = rule.index("momentum_decay")[0] if scheduled else beta1
    corrects_m = rule.bias_correction in ("both", "first")
    corrects_v = rule.bias_correction in ("both", "second")
    nesterov, by_visits = rule.nesterov, rule.step_index == "visits"
    by_row, raw, corrected = (
        rule.statistic == "row_mean",
        rule.amsgrad == "raw",
        rule.amsgrad == "corrected",
    )
    keeps_largest = raw or corrected
    place = rule.epsilon_place
    hat, both = place in ("eps_hat", "eps_hat_inside"), place == "inside_and_outside"
    outside, adds_outside = place == "outside", place in ("outside", "eps_hat") or both
    divides_inside, adds_inside = place == "inside" or both, "inside" in place
    visits_slot = (1 + keeps_largest) if by_row else 0  # among the row slots
    product_slot = visits_slot + by_visits

    @compiled
    def at_step(lr: float, b1: float, b2: float, speed: float, k: int) -> Reals:
        """Weights of m and g, nadam's mu_k and mu_{k+1}, and c2, all in float64."""
        c1 = 1 - integer_power(b1, k) if corrects_m else 1.0
        c1_next = 1 - integer_power(b1, k + 1) if corrects_m else 1.0
        c2 = 1 - integer_power(b2, k) if corrects_v else 1.0  # (3)
        if hat:
            lr = lr * math.sqrt(c2)  # (5a), (5b)
        if scheduled:
            mu = b1 * (1 - power(0.96, k * speed) / 2)
            ahead = b1 * (1 - power(0.96, (k + 1) * speed) / 2)
            return lr * ahead, lr * (1 - mu), mu, ahead, c2
        if nesterov:
            return lr * b1 / c1_next, lr * (1 - b1) / c1, 0.0, 0.0, c2  # (7)
        return lr / c1, 0.0, 0.0, 0.0, c2  # (6)

    @compiled
    def scalars(h: Any, t: int) -> Reals:
        lr, b1, b2 = rate(h, t), h[beta1], h[beta2]
        inner = h[epsilon_root] if both else h[epsilon]
        on_m, on_g, mu, ahead, c2 = at_step(lr, b1, b2, h[psi], t)
        return (
            b1, 1 - b1, b2, 1 - b2, h[epsilon], inner, lr, h[psi], on_m, on_g, mu, ahead, c2
        )  # fmt: skip

    @compiled
    def largest(vmax: Any, v: Any, c2: Any) -> Any:
        seen = v / c2 if corrected else v
        return vmax if vmax >= seen or np.isnan(vmax) else seen  # (4)

    @compiled
    def denominator(u: Any, c2: Any, root_c2: Any, eps: Any, inner: Any) -> Any:
        if divides_inside and not corrected:
            u = u / c2
        if adds_inside:
            u = u + inner  # (5b), (5c), (5d)
        den = np.sqrt(u)
        if outside and not corrected:
            den = den / root_c2
        return den + eps if adds_outside else den  # (5), (5a), (5d)

    @compiled
    def row(c: Reals, s: Reals, visit: Visit, total: Any) -> tuple[Reals, Reals]:
        b1, _, b2, rest2, eps, inner, lr, speed, on_m, on_g, mu, ahead, c2 = c
        if by_visits:
            k = s[visits_slot] + (1 if visit.first_wave else 0)
            on_m, on_g, mu, ahead, c2 = at_step(lr, b1, b2, speed, k)
            counted = (k,)
        else:
            counted = ()  # type: ignore[assignment]
        if scheduled:
            product = s[product_slot] * mu if visit.first_wave else s[product_slot]
            if corrects_m:
                on_m, on_g = on_m / (1 - product * ahead), on_g / (1 - product)
            products = (product,)
        else:
            products = ()  # type: ignore[assignment]
        root_c2, den = real(math.sqrt(c2)), real(0)
        if by_row:
            v = real(b2) * s[0] + real(rest2) * (total / real(visit.width))  # (2)
            u = largest(s[1], v, real(c2)) if keeps_largest else v
            den = denominator(u, real(c2), root_c2, real(eps), real(inner))
            second = (v, u) if keeps_largest else (v,)
        else:
            second = ()  # type: ignore[assignment]
        return (real(on_m), real(on_g), real(c2), root_c2, den), second + counted + products

    @compiled
    def element(c: Reals, r: Reals, w: Any, g: Any, x: Any, e: Reals) -> tuple[Any, Reals]:
        keep1, rest1, keep2, rest2, eps, inner = c[:6]
        on_m, on_g, c2, root_c2, den = r
        m = keep1 * e[0] + rest1 * g  # (1)
        if by_row:
            kept = (m,)
        else:
            v = keep2 * e[1] + rest2 * x  # (2)
            u = largest(e[2], v, c2) if keeps_largest else v
            den = denominator(u, c2, root_c2, eps, inner)
            kept = (m, v, u) if keeps_largest else (m, v)  # type: ignore[assignment]
        ahead = on_m * m
        if nesterov:
            ahead = ahead + on_g * g  # (7)
        return w - quotient(ahead, den, den == 0), kept  # (6)

    @compiled
    def term(g: Any, x: Any) -> Any:
        return x

    return Kernel(scalars, element, row, term if by_row else None)
