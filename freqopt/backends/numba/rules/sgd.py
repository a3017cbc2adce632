"""SGD: equations (1) to (4) of `freqopt.optimizers.sgd`."""

from __future__ import annotations

from typing import Any

from freqopt.backends.numba._compile import compiled
from freqopt.backends.numba._kernel import BITWISE, Kernel, Reals, Structure, Visit, no_row_state
from freqopt.backends.numba._scalars import rate_of

levels = BITWISE


def kernel(rule: Structure, *, plain: bool = False) -> Kernel:
    """Plain, with momentum, or with Nesterov's momentum; `plain` leaves a buffer as it is."""
    rate, real = rate_of(rule), rule.real
    momentum, dampening = rule.index("momentum", "dampening")

    @compiled
    def scalars(h: Reals, t: int) -> Reals:
        return rate(h, t), h[momentum], 1 - h[dampening]

    if plain or not rule.momentum:

        @compiled
        def without(c: Reals, r: Reals, w: Any, g: Any, x: Any, e: Reals) -> tuple[Any, Reals]:
            lr, _, _ = c
            return w - lr * g, e  # (1)

        return Kernel(scalars, without)

    inside, nesterov = rule.rate_place == "inside", rule.nesterov
    undamped_first = rule.dampening and rule.first_buffer == "undamped"

    @compiled
    def element(c: Reals, r: Reals, w: Any, g: Any, x: Any, e: Reals) -> tuple[Any, Reals]:
        lr, mu, enters = c
        step = lr * g if inside else g
        kept = enters * step
        if undamped_first and r[0] == 0:
            kept = step
        b = mu * e[0] + kept  # (2), (4)
        ahead = step + mu * b if nesterov else b  # (3)
        return (w - ahead if inside else w - lr * ahead), (b,)

    @compiled
    def start(c: Reals, s: Reals, visit: Visit, total: Any) -> tuple[Reals, Reals]:
        return (real(s[0]),), (1,)

    return Kernel(scalars, element, start if undamped_first else no_row_state)
