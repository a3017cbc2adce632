r"""SGD_C: stochastic gradient descent along an aggregate of the gradient and C stored ones.

Problem
    Minimise f(w) from stochastic gradients g_t, with a memory of C gradients.
Update
    x = g + weight_decay w                      decay is part of what is stored             (1)
    d = agg(x, A; kappa), then x is offered to A with the priority ||g||                     (2)
    w <- w - lr d, or the momentum forms of `sgd` with d for g                               (3)
Semantics
    Aggregations, buffer and the order of every sum: `_critical`. The default "sum" has total
    weight 2, so the fair baseline is SGD at 2 lr.
State
    The buffer: C d numbers per row (C = 10: 40 d bytes in float32); b with momentum.
Theorems
    MEM-1, MEM-2, MEM-4 (fixed or random selection), MEM-6 to MEM-10 (derived).
Differs from
    The official SGD_C: nothing at the defaults (MEM section 9, to all printed digits). The released
    package cgoptimizer 997abaf raises AttributeError at step C.
Source
    McRae, Parthasarathi, Assran, Chandar 2022 (arXiv 2106.10708), as its official code runs.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from freqopt._fields import Positive
from freqopt.kernels import Kernel, Options
from freqopt.optimizers._critical import FixedMemory
from freqopt.optimizers._rows import Rows
from freqopt.optimizers.sgd import SGD
from freqopt.typing import Floats


class SGDC(FixedMemory, SGD):
    """SGD with a fixed memory of critical gradients."""

    lr: Positive = Field(0.001, description="Base learning rate.")

    stores_decay: ClassVar[bool] = True

    dialects = {
        "CriticalGradientOptimization.SGD_C": {},
        "CriticalGradientOptimization.SGD_FIFO": {"policy": "fifo"},
        "CriticalGradientOptimization.SGD_C_bottom": {"policy": "bottom", "synced": False},
        "CriticalGradientOptimization.SGD_C_double": {
            "insertion": "before",
            "priority_decay": 0.99,
            "synced": False,
        },
        "CriticalGradientOptimization.SGD_C_Only": {
            "insertion": "buffer_only",
            "priority_decay": 0.99,
            "synced": False,
        },
    }

    def update(self, w: Floats, g: Floats, s: Rows) -> Floats:
        """Equation (3); without momentum at the official kappa = 0 (Q2)."""
        if self.kappa == 0 and self.kappa_zero == "official":
            return w - self.rate(s.t) * g
        return super().update(w, g, s)

    @staticmethod
    def kernel(rule: Options) -> Kernel:  # type: ignore[override]
        """SGD's; without momentum at the official kappa = 0 (Q2)."""
        return SGD.kernel(rule, plain=not rule.kappa and rule.kappa_zero == "official")
