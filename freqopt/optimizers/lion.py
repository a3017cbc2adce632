r"""Lion: the sign of an interpolation between momentum and gradient.

Problem
    Minimise f(w) with a step of the same size in every coordinate, and one slot per element.
Update
    u = sign(beta1 m + (1 - beta1) g)                                                        (1)
    m <- beta2 m + (1 - beta2) g                                                             (2)
    w <- w - lr_t u                                                                          (3)
Semantics
    The step uses m as it was before the present gradient enters it; beta2 > beta1 remembers for
    longer than the step looks back. An entry with u = 0 does not move: before its row's first
    gradient, and where m and g cancel. The paper decays weights decoupled from the rate's sign,
    w <- w - lr_t (u + lambda w): decay = "decoupled" multiplies by 1 - lr_t lambda first, which
    rounds differently. Scalars are float64 and rounded once to the table's dtype.
State
    m (N, d): 4 d bytes per row in float32, half of Adam's.
Theorems
    None here.
Differs from
    optax.lion and the authors' code: none but rounding; dense (rows = "all"), where an absent row
    moves by lr in every batch until its m is 0: after one gradient it never stops in float32.
Source
    Chen, Liang, Huang, Real, Wang, Pham, Dong, Luong, Hsieh, Lu, Le 2023 (arXiv 2302.06675),
    Algorithm 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from freqopt._fields import Positive
from freqopt.kernels import Kernel, Options
from freqopt.optimizers._rows import Rows
from freqopt.optimizers._rule import Decay, Rule
from freqopt.optimizers._slots import Slot
from freqopt.typing import Floats


class Lion(Rule):
    """Evolved sign momentum."""

    lr: Positive = Field(1e-4, description="Base learning rate.")
    beta1: Decay = Field(0.9, description="Weight of m in the step, (1).")
    beta2: Decay = Field(0.99, description="Decay of m, (2).")

    dialects = {
        "optax.lion": {"rows": "all", "decay": "decoupled", "weight_decay": 1e-3},
        "google.Lion": {"rows": "all", "decay": "decoupled"},
    }

    def slots(self) -> tuple[Slot, ...]:
        """m, the momentum."""
        return (Slot("m", per="element"),)

    def update(self, w: Floats, g: Floats, s: Rows) -> Floats:
        """Equations (1) to (3) on a block of rows."""
        u = np.sign(self.beta1 * s.m + (1 - self.beta1) * g)  # (1)
        s.m = self.beta2 * s.m + (1 - self.beta2) * g  # (2)
        return w - self.rate(s.t) * u  # (3)

    @staticmethod
    def kernel(rule: Options) -> Kernel:  # noqa: ARG004
        """(1) to (3) for one row."""

        def scalars(h: Any, t: Any) -> Any:
            return h.rate(t), h.beta1, 1 - h.beta1, h.beta2, 1 - h.beta2

        def element(c: Any, w: Any, g: Any, e: Any) -> Any:
            lr, look, fresh, keep, enter = c
            u = np.sign(look * e.m + fresh * g)  # (1)
            e.m = keep * e.m + enter * g  # (2)
            return w - lr * u  # (3)

        return Kernel(scalars, element)
