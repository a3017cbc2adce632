r"""Adam: a running mean of the gradient over the root of a running mean of its square.

Problem
    Minimise f(w) from stochastic gradients g_t, with a step that is free of the gradient's scale.
Update
    m <- beta1 m + (1 - beta1) g                                                             (1)
    v <- beta2 v + (1 - beta2) x,   x = g^2, or its mean over the row ("row_mean")           (2)
    c1 = 1 - beta1^k, c2 = 1 - beta2^k, either of them 1 without bias correction             (3)
    u = v,  vmax <- max(vmax, v) "raw",  or vmax <- max(vmax, v / c2) "corrected", then c2 = 1  (4)
    den = sqrt(u) / sqrt(c2) + eps          "outside"                                        (5)
          sqrt(u) + eps                     "eps_hat": the rate is multiplied by sqrt(c2)    (5a)
          sqrt(u + eps)                     "eps_hat_inside": likewise                       (5b)
          sqrt(u / c2 + eps)                "inside"                                         (5c)
          sqrt(u / c2 + eps_root) + eps     "inside_and_outside"                             (5d)
    w <- w - ((lr / c1) m) / den                                                             (6)
    Nesterov: w <- w - ((lr beta1 / c1') m + (lr (1 - beta1) / c1) g) / den, c1' at k + 1    (7)
Semantics
    Scalars (rate, c1, c2, their roots and quotients) are float64 and rounded once to the table's
    dtype. k is the batch number, or per row the number of batches that updated it ("visits").
    `rows="all"`: a row outside the batch has gradient zero and still moves: after one unit gradient
    at batch 1 it moves by 6.006 lr in all, after one at batch 10,001 by 31.77 lr.
    An entry whose denominator is 0 does not move.
    First step in units of lr at eps = 1e-8, gradient 1e-2 / 1e-6 / 1e-7 / 1e-8:
    outside 1.000 / .990 / .909 / .500, eps_hat 1.000 / .760 / .240 / .031.
State
    m, v (N, d): 8 d bytes per row in float32. v (N,) with "row_mean": 4 d + 4 bytes. vmax as v with
    amsgrad; visits (N,) int64 with step_index = "visits".
Theorems
    FA-20 (b): v of a dense row tends to p s^2, so that the rate is lr / (s sqrt(p)) in a token of
    frequency p > 1 - beta2. FA-20 (c): on touched rows v tends to s^2, whatever p.
Differs from
    1. torch.optim.Adam, optax.adam: none but rounding. 2. Keras: eps_hat with 1e-7, 31.6 times as
    large at the first step. 3. optax.nadam has no momentum schedule; torch.optim.NAdam has: rule
    nadam. 4. FBGEMM: touched rows, rule lazy_adam.
Source
    Kingma and Ba 2015, Algorithm 1; (5a) their Section 2; (7) Dozat 2016; (4) Reddi, Kale,
    Kumar 2018. (5b): the option eps_inside_sqrt of the older apex FusedAdam.
"""

from __future__ import annotations

import math
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from freqopt.optimizers._rule import Decay, Floats, NonNegative, Positive, Rows, Rule
from freqopt.optimizers._slots import Slot
from freqopt.optimizers._slow import slow_rate, slow_sum
from freqopt.streams.elementary import integer_power
from freqopt.streams.fold import fold

Scalar = float | NDArray[np.float64]
"""The same for all rows, or one for each: (n, 1)."""


class Adam(Rule):
    """Adam, on every row (dense) unless `rows` says otherwise."""

    lr: Positive = Field(0.001, description="Base learning rate.")
    rows: Literal["touched", "nonzero", "all"] = Field(
        "all",
        description="Rows updated: every row, absent ones with gradient zero (dense); those in "
        "the batch; those with a non-zero combined gradient.",
    )
    beta1: Decay = Field(0.9, description="Decay of the first moment m.")
    beta2: Decay = Field(0.999, description="Decay of the second moment v.")
    epsilon: NonNegative = Field(1e-8, description="Added where epsilon_place says.")
    epsilon_place: Literal[
        "outside", "eps_hat", "eps_hat_inside", "inside", "inside_and_outside"
    ] = Field("outside", description="The denominator, (5) to (5d).")
    epsilon_root: NonNegative = Field(
        0.0, description="The eps under the root of epsilon_place = 'inside_and_outside'."
    )
    bias_correction: Literal["both", "first", "second", "none"] = Field(
        "both", description="Moments divided by 1 - beta^k, (3)."
    )
    step_index: Literal["batches", "visits"] = Field(
        "batches", description="k: batches so far; batches that updated the row so far."
    )
    amsgrad: Literal["none", "raw", "corrected"] = Field(
        "none", description="Largest second moment so far, before or after its bias correction."
    )
    statistic: Literal["elementwise", "row_mean"] = Field(
        "elementwise", description="v per element, or one per row of the mean square."
    )
    nesterov: bool = Field(False, description="Look ahead along m, equation (7).")

    dialects = {
        "torch.Adam": {},
        "optax.adam": {"epsilon_place": "inside_and_outside"},
        "optax.nadam": {"epsilon_place": "inside_and_outside", "nesterov": True},
        "keras.Adam": {"epsilon": 1e-7, "epsilon_place": "eps_hat", "decay": "decoupled"},
        "apex.FusedAdam(eps_inside_sqrt)": {"epsilon_place": "eps_hat_inside"},
    }

    @model_validator(mode="after")
    def _adam_options(self) -> Self:
        if self.step_index == "visits" and self.rows == "all":
            raise ValueError(
                "step_index = 'visits' counts the batches that held a row, and with rows = 'all' "
                "rows are updated before their first visit; choose rows = 'touched' or 'nonzero'"
            )
        if self.amsgrad == "corrected" and self.epsilon_place.startswith("eps_hat"):
            raise ValueError(
                "amsgrad = 'corrected' keeps the largest bias-corrected moment, and epsilon_place "
                f"= {self.epsilon_place!r} uses the uncorrected one; choose amsgrad = 'raw'"
            )
        if self.epsilon_root and self.epsilon_place != "inside_and_outside":
            raise ValueError(
                f"epsilon_root = {self.epsilon_root} acts with epsilon_place = "
                f"'inside_and_outside' only, not {self.epsilon_place!r}; use epsilon"
            )
        return self

    def slots(self) -> tuple[Slot, ...]:
        """The moments, and what amsgrad and a count per row need."""
        second: Literal["element", "row"] = "element" if self.statistic == "elementwise" else "row"
        slots = [Slot("m", per="element"), Slot("v", per=second)]
        if self.amsgrad != "none":
            slots.append(Slot("vmax", per=second))
        if self.step_index == "visits":
            slots.append(Slot("visits", per="row", dtype="int64"))
        return tuple(slots)

    def update(self, w: Floats, g: Floats, s: Rows) -> Floats:
        """Equations (1) to (7) on a block of rows."""
        k: Any = s.t
        if self.step_index == "visits":
            k = s.visits = s.visits + s.first_wave
        x = s.squared(g)
        if self.statistic == "row_mean":
            x = fold(x)[:, None] / w.shape[1]
        s.m = self.beta1 * s.m + (1 - self.beta1) * g  # (1)
        s.v = self.beta2 * s.v + (1 - self.beta2) * x  # (2)
        c2 = self.correction("second", self.beta2, k)  # (3)
        u = s.v
        if self.amsgrad == "raw":
            u = s.vmax = np.maximum(s.vmax, s.v)  # (4)
        elif self.amsgrad == "corrected":
            u = s.vmax = np.maximum(s.vmax, s.v / rounded(c2, w))  # (4)
            c2 = 1.0
        rate: Scalar = self.rate(s.t)
        if self.epsilon_place.startswith("eps_hat"):
            rate = rate * np.sqrt(c2)
        den = self._denominator(u, c2)
        on_m, on_g = self.weights(rate, k, s)
        ahead = rounded(on_m, w) * s.m
        if self.nesterov:
            ahead = ahead + rounded(on_g, w) * g  # (7)
        return w - np.where(den == 0, 0, ahead / np.where(den == 0, 1, den))  # (6)

    def correction(self, moment: str, beta: float, k: Any) -> Scalar:
        """1 - beta^k in float64, or 1 for a moment that is not corrected."""
        return 1 - integer_power(beta, k) if self.bias_correction in ("both", moment) else 1.0

    def weights(self, rate: Scalar, k: Any, s: Rows) -> tuple[Scalar, Scalar]:  # noqa: ARG002
        """What m and g are multiplied by before the division by the denominator."""
        c1 = self.correction("first", self.beta1, k)
        if not self.nesterov:
            return rate / c1, 0.0  # (6)
        c1_next = self.correction("first", self.beta1, k + 1)
        return rate * self.beta1 / c1_next, rate * (1 - self.beta1) / c1  # (7)

    def _denominator(self, u: Floats, c2: Scalar) -> Floats:
        """(5) to (5d)."""
        if self.epsilon_place == "outside":
            return np.sqrt(u) / rounded(np.sqrt(c2), u) + self.epsilon
        if self.epsilon_place == "eps_hat":
            return np.sqrt(u) + self.epsilon
        if self.epsilon_place == "eps_hat_inside":
            return np.sqrt(u + self.epsilon)
        if self.epsilon_place == "inside":
            return np.sqrt(u / rounded(c2, u) + self.epsilon)
        return np.sqrt(u / rounded(c2, u) + self.epsilon_root) + self.epsilon

    def slow_update(self, w: list[Any], g: list[Any], s: Any) -> list[Any]:
        """One row by scalar loops."""
        k = s.t
        if self.step_index == "visits":
            s.visits = s.visits + 1 if s.first_wave else s.visits
            k = int(s.visits)
        c2 = 1.0
        if self.bias_correction in ("both", "second"):
            c2 = 1.0 - integer_power(self.beta2, k)
        each = self.statistic == "elementwise"
        v = s.v if each else [s.v]
        x = s.squares if each else [slow_sum(s.squares) / s.scalar(len(w))]
        den = []
        for i in range(len(v)):
            v[i] = s.scalar(self.beta2) * v[i] + s.scalar(1 - self.beta2) * x[i]
            if self.amsgrad == "none":
                den.append(self._slow_denominator(v[i], c2, s.scalar))
                continue
            vmax = s.vmax if each else [s.vmax]
            seen = v[i] / s.scalar(c2) if self.amsgrad == "corrected" else v[i]
            vmax[i] = np.maximum(vmax[i], seen)
            left = 1.0 if self.amsgrad == "corrected" else c2
            den.append(self._slow_denominator(vmax[i], left, s.scalar))
            s.vmax = vmax if each else vmax[0]
        s.v = v if each else v[0]
        scale = slow_rate(self, s.t)
        if self.epsilon_place in ("eps_hat", "eps_hat_inside"):
            scale = scale * math.sqrt(c2)
        on_m, on_g = self.slow_weights(scale, k, s)
        new = []
        for j in range(len(w)):
            s.m[j] = s.scalar(self.beta1) * s.m[j] + s.scalar(1 - self.beta1) * g[j]
            ahead = s.scalar(on_m) * s.m[j]
            if self.nesterov:
                ahead = ahead + s.scalar(on_g) * g[j]
            d = den[j] if each else den[0]
            new.append(w[j] if d == 0 else w[j] - ahead / d)
        return new

    def slow_weights(self, scale: float, k: int, s: Any) -> tuple[float, float]:  # noqa: ARG002
        """What m and g are multiplied by, for one row."""
        c1, c1_next = 1.0, 1.0
        if self.bias_correction in ("both", "first"):
            c1 = 1.0 - integer_power(self.beta1, k)
            c1_next = 1.0 - integer_power(self.beta1, k + 1)
        if self.nesterov:
            return scale * self.beta1 / c1_next, scale * (1 - self.beta1) / c1
        return scale / c1, 0.0

    def _slow_denominator(self, u: Any, c2: float, scalar: Any) -> Any:
        """(5) to (5d) for one entry."""
        eps, root = scalar(self.epsilon), scalar(self.epsilon_root)
        match self.epsilon_place:
            case "outside":
                return np.sqrt(u) / scalar(math.sqrt(c2)) + eps
            case "eps_hat":
                return np.sqrt(u) + eps
            case "eps_hat_inside":
                return np.sqrt(u + eps)
            case "inside":
                return np.sqrt(u / scalar(c2) + eps)
            case "inside_and_outside":
                return np.sqrt(u / scalar(c2) + root) + eps


def rounded(x: Scalar, like: Floats) -> Floats:
    """A float64 scalar, or one per row, rounded once to the dtype of `like`."""
    return np.asarray(x, dtype=like.dtype)
