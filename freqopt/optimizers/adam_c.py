r"""Adam_C: Adam along an aggregate of the gradient and C stored ones.

Problem
    Minimise f(w) from stochastic gradients g_t, with a memory of C gradients.
Update
    d = agg(g, A; 1), then g is offered to A with the priority ||g||                          (1)
    d <- d + weight_decay w                     the stored gradients are raw                  (2)
    Adam's equations with d for g: both moments see the aggregate, squared too                (3)
Semantics
    Aggregations, buffer and the order of every sum: `_critical`. The official kappa acts as a
    switch only (`kappa_role`, Q4) and 0 is an error there (`kappa_zero`, Q2).
State
    The buffer: C d numbers per row; the slots of `adam`.
Theorems
    None: MEM-1 does not cover it.
Differs from
    The official Adam_C: nothing at the defaults; its amsgrad is amsgrad = "raw" here. The released
    package adds AdamW_C (decoupled decay 0.01).
Source
    McRae, Parthasarathi, Assran, Chandar 2022 (arXiv 2106.10708), as its official code runs.
"""

from __future__ import annotations

from pydantic import Field

from freqopt._fields import Positive
from freqopt.optimizers._critical import AdaptiveFixedMemory
from freqopt.optimizers.adam import Adam


class AdamC(AdaptiveFixedMemory, Adam):
    """Adam with a fixed memory of critical gradients."""

    lr: Positive = Field(0.001, description="Base learning rate.")

    dialects = {
        "CriticalGradientOptimization.Adam_C": {},
        "CriticalGradientOptimization.Adam_FIFO": {"policy": "fifo"},
        "CriticalGradientOptimization.Adam_C_bottom": {"policy": "bottom", "synced": False},
        "cgoptimizer.AdamW_C": {"decay": "decoupled", "weight_decay": 0.01},
    }
