r"""AdaGrad, element by element.

Problem
    Minimise f(w) from stochastic gradients g_t whose coordinates appear at very different rates.
Update
    v <- v + g^2                          law "sum"                                    (1)
    v <- rho v + (1 - rho) g^2            law "mean"                                   (1')
    v <- v + sqrt(t + 1) g^2              law "weighted" (t = batches before this one plus 1)  (1'')
    w <- w - lr_t g / den                                                              (2)
    den = sqrt(v) + eps      "outside"
          sqrt(v + eps)      "inside"
          the same, but no move where v = 0      "inside_guarded"
Semantics
    Accumulate, then use (`order="use_first"` is the reverse). Initial accumulator 0 makes the first
    step lr sign(g) whatever the gradient; 0.1 (optax, Keras) makes it lr g / sqrt(g^2 + 0.1).
State
    v (N, d).
Theorems
    FA-17 (b) for the row-wise form, FA-20 (a): the rate falls like 1/sqrt(T p_k).
Differs from
    torch.optim.Adagrad: none on a sparse gradient (dialect "torch.Adagrad"). optax.adagrad and
    Keras: eps inside, initial accumulator 0.1; 20 steps at own defaults differ by 25 %. Weight
    decay is decoupled in Keras.
Source
    Duchi, Hazan, Singer 2011; placement of eps and initial value as the named libraries have them.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from pydantic import Field

from freqopt._fields import NonNegative
from freqopt.kernels import Kernel, Options
from freqopt.kernels import quotient as row_quotient
from freqopt.optimizers._rows import Rows
from freqopt.optimizers._rule import Decay, Rule
from freqopt.optimizers._slots import Slot
from freqopt.typing import Floats


class AdaGrad(Rule):
    """AdaGrad with one accumulator per element."""

    epsilon: NonNegative = Field(1e-10, description="Added to the denominator.")
    epsilon_place: Literal["outside", "inside", "inside_guarded"] = Field(
        "outside", description="sqrt(v) + eps, sqrt(v + eps), or that and no move where v = 0."
    )
    initial_accumulator: NonNegative = Field(0.0, description="Value of v before the first step.")
    law: Literal["sum", "mean", "weighted"] = Field(
        "sum", description="v sums squares, averages them with decay rho, or weights by sqrt(t+1)."
    )
    rho: Decay = Field(0.99, description="Decay of law = 'mean'.")
    order: Literal["accumulate_first", "use_first"] = Field(
        "accumulate_first", description="Whether v holds the present gradient when it is used."
    )

    dialects = {
        "torch.Adagrad": {"rows": "touched"},
        "torch.Adagrad(dense)": {"rows": "all"},
        "fbgemm.EXACT_ADAGRAD": {"epsilon": 1e-8},
        "optax.adagrad": {
            "rows": "all",
            "epsilon": 1e-7,
            "epsilon_place": "inside_guarded",
            "initial_accumulator": 0.1,
        },
        "keras.Adagrad": {
            "rows": "all",
            "epsilon": 1e-7,
            "epsilon_place": "inside",
            "initial_accumulator": 0.1,
            "decay": "decoupled",
        },
    }

    def slots(self) -> tuple[Slot, ...]:
        """v, the accumulated squares."""
        return (Slot("v", per="element", start=self.initial_accumulator),)

    def update(self, w: Floats, g: Floats, s: Rows) -> Floats:
        """Equations (1) and (2) on a block of rows."""
        before = s.v
        if self.law == "sum":
            s.v = s.v + s.squared(g)  # (1)
        elif self.law == "mean":
            s.v = self.rho * s.v + (1 - self.rho) * s.squared(g)  # (1')
        else:
            s.v = s.v + math.sqrt(s.t + 1) * s.squared(g)  # (1'')
        v = s.v if self.order == "accumulate_first" else before
        return w - self.rate(s.t) * quotient(g, v, self.epsilon, self.epsilon_place)  # (2)

    @staticmethod
    def kernel(rule: Options) -> Kernel:
        """(1) and (2) for one row."""
        place = rule.epsilon_place

        def scalars(h: Any, t: Any) -> Any:
            return h.rate(t), h.epsilon, h.rho, 1 - h.rho, np.sqrt(float(t + 1))

        def element(c: Any, w: Any, g: Any, x: Any, e: Any) -> Any:
            lr, eps, keep, enter, weight = c
            before = e.v
            if rule.law == "mean":
                e.v = keep * before + enter * x  # (1')
            elif rule.law == "weighted":
                e.v = before + weight * x  # (1'')
            else:
                e.v = before + x  # (1)
            used = before if rule.order == "use_first" else e.v
            den = np.sqrt(used) + eps if place == "outside" else np.sqrt(used + eps)
            if place == "inside_guarded" and used == 0:
                den = 0
            return w - lr * row_quotient(g, den)  # (2)

        return Kernel(scalars, element)


def quotient(g: Floats, v: Floats, epsilon: float, place: str) -> Floats:
    """G / (sqrt(v) + eps) or g / sqrt(v + eps); 0 where the denominator is 0 or v is guarded."""
    den = np.sqrt(v) + epsilon if place == "outside" else np.sqrt(v + epsilon)
    still = (v == 0) if place == "inside_guarded" else (den == 0)
    return np.where(still, 0, g / np.where(den == 0, 1, den))
