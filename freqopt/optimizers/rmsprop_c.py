r"""RMSprop_C: RMSprop along an aggregate of the gradient and C stored ones.

Problem
    Minimise f(w) from stochastic gradients g_t, with a memory of C gradients.
Update
    d = agg(g, A; 1), then g is offered to A with the priority ||g||                          (1)
    d <- d + weight_decay w                     the stored gradients are raw                  (2)
    the equations of `rmsprop` with d for g                                                   (3)
Semantics
    Aggregations, buffer and the order of every sum: `_critical`. The official kappa acts as a
    switch only (`kappa_role`, Q4) and 0 is an error there (`kappa_zero`, Q2).
State
    The buffer: C d numbers per row; the slots of `rmsprop`.
Theorems
    None: MEM-1 does not cover it.
Differs from
    The official RMSprop_C accepts a sampling policy and critical_test and ignores them; the
    options act here. With `centered` it takes the root of v - a^2 without a maximum with 0.
Source
    McRae, Parthasarathi, Assran, Chandar 2022 (arXiv 2106.10708), as its official code runs.
"""

from __future__ import annotations

from pydantic import Field

from freqopt._fields import Positive
from freqopt.optimizers._critical import AdaptiveFixedMemory
from freqopt.optimizers.rmsprop import RMSprop


class RMSpropC(AdaptiveFixedMemory, RMSprop):
    """RMSprop with a fixed memory of critical gradients."""

    lr: Positive = Field(0.01, description="Base learning rate.")

    dialects = {
        "CriticalGradientOptimization.RMSprop_C": {},
        "CriticalGradientOptimization.RMSprop_FIFO": {"policy": "fifo"},
        "CriticalGradientOptimization.RMSprop_C_double": {
            "insertion": "before",
            "priority_decay": 0.95,
            "synced": False,
        },
    }
