"""A rule of one's own: all of the kernels' language, outside of the library, and C++ keywords."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from freqopt.kernels import Kernel, Options, quotient
from freqopt.optimizers import Rows, Rule, Slot
from freqopt.streams.elementary import exp, integer_power
from freqopt.streams.fold import fold

THIRD = 1 / 3


class Probe(Rule):
    """What a step may need: row statistics, counts, literals, ways of an `if`, helpers."""

    beta: float = Field(0.9, ge=0, lt=1, description="Decay of a mean.")
    short: bool = Field(True, description="Look ahead.")

    def slots(self) -> tuple[Slot, ...]:
        """A mean per element, a sum and a count per row."""
        return (
            Slot("long", per="element"),
            Slot("total", per="row"),
            Slot("LANES", per="row", dtype="int64"),
        )

    def update(self, w: Any, g: Any, s: Rows) -> Any:
        """On a block of rows."""
        s.LANES = s.LANES + s.first_round
        total = fold(s.squared(g))[:, None]
        s.total = np.where(s.LANES > 2, self.beta * s.total + total, total)
        fade = (exp(-(s.LANES * THIRD)) / (1 - integer_power(self.beta, s.LANES))).astype(w.dtype)
        s.long = self.beta * s.long + (1 - self.beta) * g
        move = s.long + 0.1 * g + fade * w if self.short else s.long
        root = np.sqrt(s.total)
        smaller = np.where(root == 0, 0, move / np.where(root == 0, 1, root))
        step = np.where(g > 0, smaller, np.minimum(move, np.sign(g) * THIRD))
        return w - self.rate(s.t) * step

    @staticmethod
    def kernel(rule: Options) -> Kernel:
        """For one row."""
        real = rule.real

        def scalars(h: Any, t: Any) -> Any:
            return h.rate(t), h.beta, 1 - h.beta

        def mean(keep: Any, old: Any, enter: Any, new: Any) -> Any:
            return keep * old + enter * new

        def row(c: Any, s: Any, visit: Any, total: Any) -> Any:
            _, beta, _ = c
            s.LANES += 1 if visit.first_round else 0
            if s.LANES > 2:
                s.total = real(beta) * s.total + total
            else:
                s.total = total
            fade = exp(-(s.LANES * THIRD)) / (1 - integer_power(beta, s.LANES))
            return real(fade), np.sqrt(s.total)

        def element(c: Any, r: Any, w: Any, g: Any, e: Any) -> Any:
            lr, keep, enter = c
            fade, root = r
            e.long = mean(keep, e.long, enter, g)
            move = e.long
            if rule.short:
                move = move + 0.1 * g + fade * w
            if g > 0:
                return w - lr * quotient(move, root)
            return w - lr * min(move, np.sign(g) * THIRD)

        def term(x: Any) -> Any:
            return x

        return Kernel(scalars, element, row, term)
