r"""Stochastic gradient descent: plain, with momentum, with Nesterov's momentum.

Problem
    Minimise f(w) from stochastic gradients g_t.
Update
    plain     w <- w - lr g                                                           (1)
    momentum  b <- mu b + (1 - damp) g,   w <- w - lr b                               (2)
    Nesterov  w <- w - lr (g + mu b), with b already updated                          (3)
    with the rate inside the buffer: b <- mu b + lr (1 - damp) g,  w <- w - b         (4)
Semantics
    Momentum on sparse rows stops while the row is absent (`rows="touched"`) or goes on
    (`rows="all"`): after one unit gradient at mu = 0.9 the row has moved by 1.0 or, 40 steps
    later, by 9.85.
    (2) and (4) agree for a constant rate only.
State
    b (N, d) if momentum > 0, else nothing. `started` (N,) if the first buffer is undamped.
Theorems
    FA-3, FA-15, FA-18, FA-19, T1, T2, T3 (plain).
Differs from
    1. torch.optim.SGD: none but rounding. With sparse gradients too its buffer keeps every row it
    has seen, and absent rows move on (rows = "all"). 2. Keras: rate inside the buffer, decoupled
    decay.
Source
    (2), (3): Sutskever, Martens, Dahl, Hinton 2013, in the form of torch.optim.SGD.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from freqopt.kernels import Kernel, Options
from freqopt.optimizers._rows import Rows
from freqopt.optimizers._rule import Decay, Rule
from freqopt.optimizers._slots import Slot
from freqopt.typing import Floats


class SGD(Rule):
    """Stochastic gradient descent."""

    momentum: Decay = Field(0.0, description="Momentum factor mu.")
    dampening: Decay = Field(0.0, description="The gradient enters the buffer times 1 - dampening.")
    first_buffer: Literal["undamped", "damped"] = Field(
        "undamped", description="Whether a row's first buffer is the gradient itself or damped."
    )
    nesterov: bool = Field(False, description="Look ahead along the buffer, equation (3).")
    rate_place: Literal["outside", "inside"] = Field(
        "outside", description="Rate applied to the buffer (2) or to what enters it (4)."
    )

    dialects = {
        "torch.SGD": {"rows": "all"},
        "torch.SGD(sparse)": {"rows": "all"},
        "fbgemm.EXACT_SGD": {"rows": "touched"},
        "keras.SGD": {"rows": "all", "rate_place": "inside", "decay": "decoupled"},
        "optax.sgd": {"rows": "all"},
    }

    @model_validator(mode="after")
    def _momentum_options(self) -> Self:
        if not self.momentum and (self.nesterov or self.dampening):
            raise ValueError(
                "nesterov and dampening act on the momentum buffer; give momentum > 0 with them"
            )
        return self

    def slots(self) -> tuple[Slot, ...]:
        """B and, where the first buffer is special, whether the row has one."""
        if not self.momentum:
            return ()
        buffer = Slot("b", per="element")
        if self.dampening and self.first_buffer == "undamped":
            return (buffer, Slot("started", per="row", dtype="int64"))
        return (buffer,)

    def update(self, w: Floats, g: Floats, s: Rows) -> Floats:
        """Equations (1) to (4) on a block of rows."""
        lr = self.rate(s.t)
        if not self.momentum:
            return w - lr * g  # (1)
        inside = self.rate_place == "inside"
        step = lr * g if inside else g
        damped = (1 - self.dampening) * step
        if "started" in vars(s):
            damped[s.started[:, 0] == 0] = step[s.started[:, 0] == 0]
            s.started[...] = 1
        s.b = self.momentum * s.b + damped  # (2), (4)
        ahead = step + self.momentum * s.b if self.nesterov else s.b  # (3)
        return w - ahead if inside else w - lr * ahead

    @staticmethod
    def kernel(rule: Options, *, plain: bool = False) -> Kernel:
        """(1) to (4) for one row; `plain` leaves a buffer as it is."""
        inside, nesterov = rule.rate_place == "inside", rule.nesterov
        undamped_first = rule.dampening and rule.first_buffer == "undamped"

        def scalars(h: Any, t: Any) -> Any:
            return h.rate(t), h.momentum, 1 - h.dampening

        def without(c: Any, w: Any, g: Any) -> Any:
            return w - c[0] * g  # (1)

        def row(s: Any) -> Any:
            if not undamped_first:
                return (0,)
            first = s.started == 0
            s.started = 1
            return (1 if first else 0,)

        def element(c: Any, r: Any, w: Any, g: Any, e: Any) -> Any:
            lr, mu, enters = c
            step = lr * g if inside else g
            kept = enters * step
            if undamped_first and r[0] == 1:
                kept = step
            e.b = mu * e.b + kept  # (2), (4)
            ahead = step + mu * e.b if nesterov else e.b  # (3)
            return w - ahead if inside else w - lr * ahead

        if plain or not rule.momentum:
            return Kernel(scalars, without)
        return Kernel(scalars, element, row)
