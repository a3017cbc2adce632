r"""SGDM_C: SGD_C with momentum.

Problem
    Minimise f(w) from stochastic gradients g_t, with a memory of C gradients.
Update
    d as in `sgd_c`                                                                          (1)
    v <- d at the first step, afterwards v <- momentum v + (1 - dampening) d                 (2)
    w <- w - lr v                                                                            (3)
Semantics
    The momentum acts on the aggregate; the first v is a copy of d, not dampened. At kappa = 0 the
    official code loses the momentum silently (`kappa_zero`, Q2).
State
    The buffer: C d numbers per row; b, the v above: d numbers per row.
Theorems
    MEM-3 (derived).
Differs from
    The official SGDM_C: nothing.
Source
    McRae, Parthasarathi, Assran, Chandar 2022 (arXiv 2106.10708), as its official code runs.
"""

from __future__ import annotations

from pydantic import Field

from freqopt.optimizers._rule import Decay
from freqopt.optimizers.sgd_c import SGDC


class SGDMC(SGDC):
    """SGD with momentum and a fixed memory of critical gradients."""

    momentum: Decay = Field(0.9, description="Momentum factor mu.")

    dialects = {
        "CriticalGradientOptimization.SGDM_C": {},
    }
