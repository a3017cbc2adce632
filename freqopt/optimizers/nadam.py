r"""NAdam: Adam that looks ahead along the momentum, which warms up on a schedule.

Problem
    As Adam.
Update
    mu_k = beta1 (1 - 0.96^(k psi) / 2)                                                      (1)
    M <- M mu_k, from M = 1                                                                  (2)
    m, v, c2 and den as in adam (1) to (5)
    w <- w - (lr mu_{k+1} / (1 - M mu_{k+1}) m + lr (1 - mu_k) / (1 - M) g) / den            (3)
    without correction of the first moment both denominators 1 - M.. are 1.
Semantics
    The schedule mixes g and m; m itself decays at beta1 throughout. It is slow: with psi = 0.004
    and beta1 = .9 it starts at mu_1 = 0.450 and passes 0.8 at k = 9,212. k counts batches on a
    dense table and visits on touched rows; the other two pairs would need the product over batches
    that the row missed, and are refused.
State
    m, v (N, d) and M (N,) float64, the same for every row of a dense table: 8 d + 8 bytes per row
    in float32.
Theorems
    None here.
Differs from
    1. torch.optim.NAdam: none but rounding. 2. optax.nadam: no schedule (rule adam with nesterov);
    first steps 0.106 (here) and 0.147 at lr 0.1, over 20 steps a gap of 0.803.
Source
    Dozat 2016, Algorithm 2, with the schedule of torch.optim.NAdam.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from freqopt._fields import NonNegative, Positive
from freqopt.kernels import Kernel, Options
from freqopt.optimizers._rows import Rows
from freqopt.optimizers._slots import Slot
from freqopt.optimizers.adam import Adam, Scalar
from freqopt.streams.elementary import power


class NAdam(Adam):
    """Adam with Nesterov's momentum on torch's schedule."""

    lr: Positive = Field(0.002, description="Base learning rate.")
    nesterov: Literal[True] = Field(True, description="Look ahead along m; rule adam need not.")
    momentum_decay: NonNegative = Field(0.004, description="psi, speed of the schedule (1).")

    dialects = {"torch.NAdam": {"epsilon_place": "inside_and_outside"}}

    @model_validator(mode="after")
    def _product_of_own_steps(self) -> Self:
        if (self.rows == "all") != (self.step_index == "batches"):
            raise ValueError(
                f"rows = {self.rows!r} with step_index = {self.step_index!r}: the product of the "
                "momenta would miss the batches without the row; choose rows = 'all' with "
                "'batches' or rows = 'touched' with 'visits'"
            )
        return self

    def slots(self) -> tuple[Slot, ...]:
        """Adam's, and the product M of the momenta so far."""
        return (*super().slots(), Slot("product", per="row", dtype="float64", start=1.0))

    def weights(self, rate: Scalar, k: Any, s: Rows) -> tuple[Scalar, Scalar]:
        """The two factors of (3)."""
        mu, ahead = self._momentum(k), self._momentum(k + 1)
        if s.first_round:
            s.product = s.product * mu  # (2)
        if self.bias_correction in ("second", "none"):
            return rate * ahead, rate * (1 - mu)
        return rate * ahead / (1 - s.product * ahead), rate * (1 - mu) / (1 - s.product)

    def _momentum(self, k: Any) -> Any:
        """(1), in float64."""
        return self.beta1 * (1 - power(0.96, k * self.momentum_decay) / 2)

    @staticmethod
    def kernel(rule: Options) -> Kernel:  # type: ignore[override]
        """Adam's, with the schedule (1) to (3)."""
        return Adam.kernel(rule, scheduled=True)
