r"""Row-wise AdaGrad: one accumulator per table row.

Problem
    As AdaGrad, for a table too large to store an accumulator beside every number.
Update
    x = mean_j g_j^2   "mean_square"                                                         (1)
        sum_j g_j^2    "sum_square"         max_j g_j^2    "max_square"                      (1a)
        (mean_j g_j)^2 "square_of_mean"     sqrt(sum_j g_j^2)  "norm", not squared           (1b)
    s <- s + x                                        law "sum"                              (2)
    s <- rho s + (1 - rho) x                          law "mean"                             (2a)
    s <- s + q x, q = sqrt(t + 1)                     law "weighted"                         (2b)
    w <- w - lr_t g / den, with "weighted" w <- w - lr_t q g / den                           (3)
    den = sqrt(s) + eps      "outside"                                                       (4)
          sqrt(s + eps)      "inside";  "inside_guarded": no move where s = 0                (4a)
          cbrt(s) + eps      "cube_root"                                                     (4b)
Semantics
    Sums over j are folds. The first step of g = [1, 2, 3, 4] at lr 1 is [.3651 .7303 1.0954 1.4606]
    with (1), [.1826 .3651 .5477 .7303] with the sum. The statistics coincide on constant rows, so a
    test on those is blind; on d = 64 normal numbers (1) and square_of_mean differ by a factor of
    about sqrt(d): 13.7 in one draw. "use_first" divides by s without the present x.
    A row whose denominator is 0 does not move.
State
    s (N,): 4 bytes per row in float32, whatever d.
Theorems
    FA-17 (b), where alpha is lr sqrt(d) with (1). FA-20 (a): the rate falls like 1 / sqrt(T p_k).
Differs from
    1. TorchRec RowWiseAdagrad, DLRM RWSAdagrad (sparse branch), FBGEMM EXACT_ROWWISE_ADAGRAD: none
    but rounding; TorchRec updates every row. 2. TorchRec 2022-06 to 2024-05: square_of_mean.
    3. FBGEMM 1.8.0 on the CPU decays here as it is told, and in EXACT_SGD and EXACT_ADAGRAD not at
    all.
Source
    FBGEMM genscript/optimizers.py, rowwise_adagrad and rowwise_weighted_adagrad; torchrec pull
    requests 418 and 2015.
"""

from __future__ import annotations

import math
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from freqopt._fields import NonNegative
from freqopt.kernels import Kernel, Options, quotient
from freqopt.optimizers._rows import Rows
from freqopt.optimizers._rule import Decay, Rule
from freqopt.optimizers._slots import Slot
from freqopt.streams.elementary import power
from freqopt.streams.fold import fold
from freqopt.typing import Floats


class RowWiseAdaGrad(Rule):
    """AdaGrad with one accumulator per row."""

    statistic: Literal["mean_square", "sum_square", "max_square", "square_of_mean", "norm"] = Field(
        "mean_square", description="What a row's gradient adds to its accumulator, (1) to (1b)."
    )
    epsilon: NonNegative = Field(1e-10, description="Added to the denominator.")
    epsilon_place: Literal["outside", "inside", "inside_guarded", "cube_root"] = Field(
        "outside",
        description="sqrt(s) + eps; sqrt(s + eps); that and no move where s = 0; cbrt(s) + eps.",
    )
    initial_accumulator: NonNegative = Field(0.0, description="Value of s before the first step.")
    law: Literal["sum", "mean", "weighted"] = Field(
        "sum", description="s sums the statistic, averages it with decay rho, or weighs it, (2b)."
    )
    rho: Decay = Field(0.99, description="Decay of law = 'mean'.")
    order: Literal["accumulate_first", "use_first"] = Field(
        "accumulate_first", description="Whether s holds the present gradient when it is used."
    )

    dialects = {
        "fbgemm.EXACT_ROWWISE_ADAGRAD": {"epsilon": 1e-8},
        "fbgemm.EXACT_ROWWISE_WEIGHTED_ADAGRAD": {
            "epsilon": 1e-8,
            "epsilon_place": "cube_root",
            "law": "weighted",
        },
        "torchrec.RowWiseAdagrad": {"rows": "all"},
        "torchrec.RowWiseAdagrad(before 2024-05)": {"rows": "all", "statistic": "square_of_mean"},
        "dlrm.RWSAdagrad": {},
    }

    @model_validator(mode="after")
    def _statistic_of_squares(self) -> Self:
        if self.duplicates == "squares" and self.statistic == "square_of_mean":
            raise ValueError(
                "duplicates = 'squares' hands on the squares of the occurrences, of which "
                "statistic = 'square_of_mean' uses none; choose another statistic or duplicates"
            )
        return self

    def slots(self) -> tuple[Slot, ...]:
        """s, one accumulator per row."""
        return (Slot("s", per="row", start=self.initial_accumulator),)

    def update(self, w: Floats, g: Floats, s: Rows) -> Floats:
        """Equations (1) to (4) on a block of rows."""
        x, before, step = self._row_statistic(g, s), s.s, self.rate(s.t)
        if self.law == "sum":
            s.s = s.s + x  # (2)
        elif self.law == "mean":
            s.s = self.rho * s.s + (1 - self.rho) * x  # (2a)
        else:
            q = math.sqrt(s.t + 1)
            s.s = s.s + q * x  # (2b)
            step = step * q
        used = s.s if self.order == "accumulate_first" else before
        if self.epsilon_place == "outside":
            den = np.sqrt(used) + self.epsilon  # (4)
        elif self.epsilon_place == "cube_root":
            den = power(used, 1 / 3) + self.epsilon  # (4b)
        else:
            den = np.sqrt(used + self.epsilon)  # (4a)
        still = (den == 0) | ((used == 0) & (self.epsilon_place == "inside_guarded"))
        return w - step * np.where(still, 0, g / np.where(still, 1, den))  # (3)

    def _row_statistic(self, g: Floats, s: Rows) -> Floats:
        """(1) to (1b), shape (n, 1)."""
        width = g.shape[1]
        if self.statistic == "square_of_mean":
            mean = fold(g)[:, None] / width
            return mean * mean
        squares = s.squared(g)
        if self.statistic == "max_square":
            return squares.max(axis=1, keepdims=True)
        total = fold(squares)[:, None]
        if self.statistic == "mean_square":
            return total / width
        return np.sqrt(total) if self.statistic == "norm" else total

    @staticmethod
    def kernel(rule: Options) -> Kernel:
        """(1) to (4) for one row."""
        real, weighted, place = rule.real, rule.law == "weighted", rule.epsilon_place

        def scalars(h: Any, t: Any) -> Any:
            lr, weight = h.rate(t), np.sqrt(float(t + 1))
            return lr * weight if weighted else lr, h.epsilon, h.rho, 1 - h.rho, weight

        def term(g: Any, x: Any) -> Any:
            return g if rule.statistic == "square_of_mean" else x

        def statistic(total: Any, width: Any) -> Any:
            if rule.statistic == "mean_square":
                return total / real(width)  # (1)
            if rule.statistic == "square_of_mean":
                return (total / real(width)) * (total / real(width))  # (1b)
            return np.sqrt(total) if rule.statistic == "norm" else total  # (1a), (1b)

        def row(c: Any, s: Any, visit: Any, total: Any) -> Any:
            x, before, eps = statistic(total, visit.width), s.s, real(c[1])
            if rule.law == "mean":
                s.s = real(c[2]) * before + real(c[3]) * x  # (2a)
            elif weighted:
                s.s = before + real(c[4]) * x  # (2b)
            else:
                s.s = before + x  # (2)
            used = before if rule.order == "use_first" else s.s
            if place == "inside_guarded" and used == 0:
                return (0,)
            if place == "outside":
                return (np.sqrt(used) + eps,)  # (4)
            if place == "cube_root":
                return (real(power(float(used), 1 / 3)) + eps,)  # (4b)
            return (np.sqrt(used + eps),)  # (4a)

        def element(c: Any, r: Any, w: Any, g: Any) -> Any:
            return w - c[0] * quotient(g, r[0])  # (3)

        return Kernel(scalars, element, row, term, largest=rule.statistic == "max_square")
