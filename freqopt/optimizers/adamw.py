r"""AdamW: Adam with decoupled weight decay.

Problem
    As Adam, with weights shrunk towards 0 by a factor that the gradient's history does not rescale.
Update
    w <- (1 - lr_t lambda) w, then adam (1) to (6) with the gradient alone                    (1)
Semantics
    `decay="l2"` (Adam's own) adds lambda w to g instead, where den divides it again: rows with a
    small v are then decayed most. `decay_rows` says which rows (1) shrinks. With `rows="all"`:
    every row. With `rows="touched"`: the updated ones (a row of frequency p then decays by
    p lr lambda per batch on average); all of them; or the updated ones with the decay of the
    batches they missed ("lazy", FBGEMM's AdagradW mode).
State
    m, v (N, d): 8 d bytes per row in float32; decayed_at (N,) int64 with decay_rows = "lazy".
Theorems
    None here.
Differs from
    1. torch.optim.AdamW: none but rounding. 2. optax.adamw: default lambda 1e-4 against 1e-2; at
    own defaults 20 steps differ by 1.1e-2, at equal lambda by 2.8e-16. 3. FBGEMM's ADAM with weight
    decay is this rule on touched rows. 4. torch.optim.SparseAdam has no weight decay. 5. The paper
    multiplies lambda by the schedule alone, not by lr: give lambda / lr.
Source
    Loshchilov and Hutter 2019, Algorithm 2, with lr lambda in place of lambda (torch, optax).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from freqopt._fields import NonNegative
from freqopt.optimizers.adam import Adam


class AdamW(Adam):
    """Adam with decoupled weight decay."""

    weight_decay: NonNegative = Field(0.01, description="Coefficient of weight decay, lambda.")
    decay: Literal["l2", "decoupled"] = Field(
        "decoupled",
        description="decoupled multiplies w by 1 - rate * weight_decay before the update; l2 adds "
        "weight_decay * w to the gradient, as in Adam.",
    )

    dialects = {
        "torch.AdamW": {},
        "optax.adamw": {"weight_decay": 1e-4, "epsilon_place": "inside_and_outside"},
        "keras.AdamW": {"weight_decay": 0.004, "epsilon": 1e-7, "epsilon_place": "eps_hat"},
        "fbgemm.ADAM(weight_decay)": {"rows": "touched"},
    }
