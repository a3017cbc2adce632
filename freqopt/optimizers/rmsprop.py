r"""RMSprop: the gradient over the root of a running mean of its square.

Problem
    Minimise f(w) from stochastic gradients g_t whose scale differs by coordinate and drifts.
Update
    v <- rho v + (1 - rho) g^2                                                               (1)
    a <- rho a + (1 - rho) g                              centered                           (2)
    u = v or max(v - a^2, 0);  with bias_correction v and a are first divided by 1 - rho^t   (3)
    r = g / (sqrt(u) + eps)  "outside",  g / sqrt(u + eps)  "inside"                         (4)
    plain              w <- w - lr r                                                         (5)
    momentum           b <- mu b + r,  w <- w - lr b                    rate "outside"       (6)
                       b <- mu b + lr r,  w <- w - b                    rate "inside"        (7)
    Nesterov           as (6), (7) with r + mu b (lr r + mu b) in place of b                 (8)
Semantics
    With v = 0 at the start and no bias correction the first step is lr sign(g) / sqrt(1 - rho):
    10 lr at rho = .99, 3.162 lr at .9. t counts batches, also of a row that was absent.
    (6) and (7) agree for a constant rate; after the rate falls by 10 at mu = .9 the next step of
    (7) is 9.1 times that of (6). An entry whose denominator is 0 does not move.
State
    v (N, d): 4 d bytes per row in float32; a and b (N, d) as much again each.
Theorems
    FA-20 (b): v of a dense row tends to p s^2, so that the rate is lr / (s sqrt(p)) in a token of
    frequency p > 1 - rho; below, the step per visit saturates at lr / sqrt(1 - rho).
Differs from
    1. torch.optim.RMSprop: rows = "all"; torch takes the root of v - a^2 without the maximum in
    (3), so that rounding can give it NaN. 2. optax.rmsprop: rho .9, eps inside, rate inside: at own
    defaults 20 steps differ by 0.676; at rho .99 by 1.2e-5, from eps alone. 3. Keras: eps inside
    (1e-7), rho .9, rate inside. 4. TensorFlow 1 and timm RMSpropTF start from v = 1.
Source
    Tieleman and Hinton 2012, lecture 6.5; (2), (3): Graves 2013, equation (38); (7) and the start
    as TensorFlow 1 has them.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from freqopt._fields import NonNegative
from freqopt.kernels import Kernel, Options, quotient
from freqopt.optimizers._rows import Rows
from freqopt.optimizers._rule import Decay, Rule
from freqopt.optimizers._slots import Slot
from freqopt.streams.elementary import integer_power
from freqopt.typing import Floats


class RMSprop(Rule):
    """RMSprop: plain, centered, with momentum."""

    rho: Decay = Field(0.99, description="Decay of the running means v and a.")
    epsilon: NonNegative = Field(1e-8, description="Added to the denominator.")
    epsilon_place: Literal["outside", "inside"] = Field(
        "outside", description="sqrt(u) + eps, or sqrt(u + eps)."
    )
    centered: bool = Field(False, description="Divide by the estimated deviation, (2) and (3).")
    bias_correction: bool = Field(False, description="Divide v and a by 1 - rho^t first.")
    initial_scale: NonNegative = Field(0.0, description="Value of v before the first step.")
    momentum: Decay = Field(0.0, description="Momentum factor mu.")
    nesterov: bool = Field(False, description="Look ahead along the buffer, equation (8).")
    rate_place: Literal["outside", "inside"] = Field(
        "outside", description="Rate applied to the buffer (6) or to what enters it (7)."
    )

    dialects = {
        "torch.RMSprop": {"rows": "all"},
        "optax.rmsprop": {
            "rows": "all",
            "rho": 0.9,
            "epsilon_place": "inside",
            "rate_place": "inside",
        },
        "keras.RMSprop": {
            "rows": "all",
            "rho": 0.9,
            "epsilon": 1e-7,
            "epsilon_place": "inside",
            "rate_place": "inside",
            "decay": "decoupled",
        },
        "timm.RMSpropTF": {
            "rows": "all",
            "rho": 0.9,
            "epsilon": 1e-10,
            "epsilon_place": "inside",
            "initial_scale": 1.0,
            "rate_place": "inside",
        },
    }

    @model_validator(mode="after")
    def _buffer_options(self) -> Self:
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov looks ahead along the momentum buffer; give momentum > 0")
        return self

    def slots(self) -> tuple[Slot, ...]:
        """v, and with their options the mean a and the buffer b."""
        slots = [Slot("v", per="element", start=self.initial_scale)]
        if self.centered:
            slots.append(Slot("a", per="element"))
        if self.momentum:
            slots.append(Slot("b", per="element"))
        return tuple(slots)

    def update(self, w: Floats, g: Floats, s: Rows) -> Floats:
        """Equations (1) to (8) on a block of rows."""
        lr = self.rate(s.t)
        c = 1 - integer_power(self.rho, s.t) if self.bias_correction else 1.0
        s.v = self.rho * s.v + (1 - self.rho) * s.squared(g)  # (1)
        u = s.v / c
        if self.centered:
            s.a = self.rho * s.a + (1 - self.rho) * g  # (2)
            mean = s.a / c
            u = np.maximum(u - mean * mean, 0)  # (3)
        outside = self.epsilon_place == "outside"
        den = np.sqrt(u) + self.epsilon if outside else np.sqrt(u + self.epsilon)
        r = np.where(den == 0, 0, g / np.where(den == 0, 1, den))  # (4)
        if not self.momentum:
            return w - lr * r  # (5)
        inside = self.rate_place == "inside"
        r = lr * r if inside else r
        s.b = self.momentum * s.b + r  # (6), (7)
        move = r + self.momentum * s.b if self.nesterov else s.b  # (8)
        return w - move if inside else w - lr * move

    @staticmethod
    def kernel(rule: Options) -> Kernel:
        """(1) to (8) for one row."""
        corrects, inside = rule.bias_correction, rule.rate_place == "inside"

        def scalars(h: Any, t: Any) -> Any:
            c = 1 - integer_power(h.rho, t) if corrects else 1.0
            return h.rate(t), h.rho, 1 - h.rho, h.epsilon, h.momentum, c

        def element(c: Any, w: Any, g: Any, x: Any, e: Any) -> Any:
            lr, keep, enter, eps, mu, correction = c
            e.v = keep * e.v + enter * x  # (1)
            u = e.v / correction if corrects else e.v
            if rule.centered:
                e.a = keep * e.a + enter * g  # (2)
                mean = e.a / correction if corrects else e.a
                u = u - mean * mean
                u = 0 if u < 0 else u  # (3)
            den = np.sqrt(u) + eps if rule.epsilon_place == "outside" else np.sqrt(u + eps)
            step = quotient(g, den)  # (4)
            if not rule.momentum:
                return w - lr * step  # (5)
            step = lr * step if inside else step
            e.b = mu * e.b + step  # (6), (7)
            move = step + mu * e.b if rule.nesterov else e.b  # (8)
            return w - move if inside else w - lr * move

        return Kernel(scalars, element)
