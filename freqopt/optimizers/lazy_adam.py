r"""Lazy (sparse) Adam: Adam that touches only the rows of the batch and replays nothing.

Problem
    As Adam, for a table of which a batch names few rows.
Update
    adam (1) to (7) on the rows of the batch, with the denominator (5a):
    w <- w - (lr sqrt(c2) / c1) m / (sqrt(v) + eps)
Semantics
    Moments of an absent row stand still: m is a mean over the row's own visits, not over batches.
    The bias corrections run on the number of batches all the same. A row's first step is therefore
    lr (1-beta1)/(1-beta1^t) sqrt(1-beta2^t)/sqrt(1-beta2), at t =
    1       2      5      10     20     50     100    500    1000   10000
    1.000   .744   .545   .484   .507   .702   .976   1.98   2.51   3.16      times lr,
    least .481 at t = 12, in the limit (1-beta1)/sqrt(1-beta2) = 3.162. With step_index = "visits"
    it is always 1. The effective eps at t is eps / sqrt(1 - beta2^t): 31.6 eps at t = 1.
State
    m, v (N, d): 8 d bytes per row in float32; only the rows of the batch are read and written.
Theorems
    FA-20 (c): v of a row tends to its own s^2, whatever its frequency p; dense Adam's to p s^2.
Differs from
    1. torch.optim.SparseAdam, TFA LazyAdam: none but rounding. 2. Dense Adam: after one unit
    gradient a row moves by 1.0 lr and stops (dense: 6.006 lr in all); touched first at batch 10,001
    by 3.162 lr (dense: 31.77 lr). 3. FBGEMM: eps outside, weight decay decoupled, step index
    optional. 4. OneFlow's SmartDecay and pytorch #1285 (moments decayed by the batches missed):
    rule catchup_adam replays the batches exactly.
Source
    torch.optim.SparseAdam; TensorFlow Addons LazyAdam; FBGEMM genscript/optimizers.py.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from freqopt.optimizers.adam import Adam


class LazyAdam(Adam):
    """Adam on the touched rows only, eps before the bias correction."""

    rows: Literal["touched", "nonzero", "all"] = Field(
        "touched",
        description="Rows updated: those in the batch; those with a non-zero combined gradient; "
        "every row, absent ones with gradient zero (dense).",
    )
    epsilon_place: Literal[
        "outside", "eps_hat", "eps_hat_inside", "inside", "inside_and_outside"
    ] = Field("eps_hat", description="The denominator, adam (5) to (5d).")

    dialects = {
        "torch.SparseAdam": {},
        "tfa.LazyAdam": {"epsilon": 1e-7},
        "fbgemm.ADAM": {"epsilon_place": "outside", "decay": "decoupled"},
        "fbgemm.ADAM(use_rowwise_bias_correction)": {
            "epsilon_place": "outside",
            "decay": "decoupled",
            "step_index": "visits",
        },
        "fbgemm.PARTIAL_ROWWISE_ADAM": {
            "epsilon_place": "outside",
            "decay": "decoupled",
            "statistic": "row_mean",
        },
    }
