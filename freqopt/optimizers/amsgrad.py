r"""AMSGrad: Adam whose second moment never shrinks.

Problem
    As Adam, whose step can grow when v forgets a rare large gradient; then it need not converge.
Update
    adam (1) to (6), the denominator from the largest second moment so far, adam (4):
    vmax <- max(vmax, v)         "raw":        corrected for bias after the maximum
    vmax <- max(vmax, v / c2)    "corrected":  before it
Semantics
    With "raw" the correction c2 of the present batch divides a maximum that may be old, so the
    denominator shrinks as c2 grows: the step can still grow. With "corrected" it cannot, and the
    first large v / c2 (c2 is smallest at batch 1) is kept for ever.
State
    m, v, vmax (N, d): 12 d bytes per row in float32.
Theorems
    None here.
Differs from
    1. torch.optim.Adam(amsgrad=True): none but rounding. 2. optax.amsgrad: "corrected"; the first
    step is equal, over 20 steps the trajectories part by 1.9e-2 (max abs difference over max abs).
    optax's flags for the bias correction reach torch in none of their four settings (1.9e-2, 17,
    0.64, 4.2). 3. Keras: "raw" with eps_hat. 4. The paper: no bias correction.
Source
    Reddi, Kale, Kumar 2018, Algorithm 2; the bias correction as the named libraries have it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from freqopt.optimizers.adam import Adam


class AMSGrad(Adam):
    """Adam with the running maximum of the second moment."""

    amsgrad: Literal["none", "raw", "corrected"] = Field(
        "raw",
        description="Largest second moment so far, before or after its bias correction; none "
        "makes this Adam.",
    )

    dialects = {
        "torch.Adam(amsgrad)": {},
        "optax.amsgrad": {"amsgrad": "corrected", "epsilon_place": "inside_and_outside"},
        "keras.Adam(amsgrad)": {
            "epsilon": 1e-7,
            "epsilon_place": "eps_hat",
            "decay": "decoupled",
        },
        "paper": {"bias_correction": "none", "epsilon": 0.0},
    }
