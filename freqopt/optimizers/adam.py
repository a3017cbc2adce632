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

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from freqopt._fields import NonNegative, Positive
from freqopt.kernels import Kernel, Options, quotient
from freqopt.optimizers._rows import Rows
from freqopt.optimizers._rule import Decay, Rule
from freqopt.optimizers._slots import Slot
from freqopt.streams.elementary import integer_power, power
from freqopt.streams.fold import fold
from freqopt.typing import Floats

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
            k = s.visits = s.visits + s.first_round
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
        """1 - beta^k in float64, or 1 for a moment that is not corrected.

        Parameters
        ----------
        moment : {"first", "second"}
        beta : float
            Decay rate of that moment.
        k : int, or integer array
            Updates that it has had.

        Returns
        -------
        float, or float64 array of the shape of k
        """
        return 1 - integer_power(beta, k) if self.bias_correction in ("both", moment) else 1.0

    def weights(self, rate: Scalar, k: Any, s: Rows) -> tuple[Scalar, Scalar]:  # noqa: ARG002
        """What m and g are multiplied by before the division by the denominator.

        Parameters
        ----------
        rate : float or array
            Learning rate of this batch.
        k : int or integer array
            Updates that the rows have had, this one included.
        s : Rows
            State of the rows.

        Returns
        -------
        tuple of two floats or float64 arrays
            Factors of m and of g, equations (6) and (7).
        """
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

    @staticmethod
    def kernel(rule: Options, *, scheduled: bool = False, replayed: bool = False) -> Kernel:
        """(1) to (7) for one row; `scheduled` is nadam's momentum, `replayed` catchup_adam's."""
        real, place = rule.real, rule.epsilon_place
        corrects_m = rule.bias_correction in ("both", "first")
        corrects_v = rule.bias_correction in ("both", "second")
        nesterov, by_visits = rule.nesterov, rule.step_index == "visits"
        by_row, corrected = rule.statistic == "row_mean", rule.amsgrad == "corrected"
        keeps_largest = corrected or rule.amsgrad == "raw"
        hat, both = place in ("eps_hat", "eps_hat_inside"), place == "inside_and_outside"
        outside, adds_outside = place == "outside", place in ("outside", "eps_hat") or both
        divides_inside, adds_inside = place == "inside" or both, "inside" in place

        def at_step(lr: Any, b1: Any, b2: Any, speed: Any, k: Any) -> Any:
            """Weights of m and g, nadam's mu_k and mu_{k+1}, and c2, all in float64."""
            c1 = 1 - integer_power(b1, k) if corrects_m else 1.0
            c1_next = 1 - integer_power(b1, k + 1) if corrects_m else 1.0
            c2 = 1 - integer_power(b2, k) if corrects_v else 1.0  # (3)
            if hat:
                lr = lr * np.sqrt(c2)  # (5a), (5b)
            if scheduled:
                mu = b1 * (1 - power(0.96, k * speed) / 2)
                ahead = b1 * (1 - power(0.96, (k + 1) * speed) / 2)
                return lr * ahead, lr * (1 - mu), mu, ahead, c2
            if nesterov:
                return lr * b1 / c1_next, lr * (1 - b1) / c1, 0.0, 0.0, c2  # (7)
            return lr / c1, 0.0, 0.0, 0.0, c2  # (6)

        def scalars(h: Any, t: Any) -> Any:
            lr, b1, b2 = h.rate(t), h.beta1, h.beta2
            inner = h.epsilon_root if both else h.epsilon
            speed = h.momentum_decay if scheduled else 0.0
            weights = at_step(lr, b1, b2, speed, t)
            return (b1, 1 - b1, b2, 1 - b2, h.epsilon, inner, lr, speed, *weights)

        def largest(vmax: Any, v: Any, c2: Any) -> Any:
            return np.maximum(vmax, v / c2 if corrected else v)  # (4)

        def denominator(u: Any, c2: Any, root_c2: Any, eps: Any, inner: Any) -> Any:
            if divides_inside and not corrected:
                u = u / c2
            if adds_inside:
                u = u + inner  # (5b), (5c), (5d)
            den = np.sqrt(u)
            if outside and not corrected:
                den = den / root_c2
            return den + eps if adds_outside else den  # (5), (5a), (5d)

        def row(c: Any, s: Any, visit: Any, total: Any) -> Any:
            b1, _, b2, rest2, eps, inner, lr, speed, on_m, on_g, mu, ahead, c2 = c
            if replayed:
                s.settled_at = visit.t
            if by_visits:
                s.visits = s.visits + (1 if visit.first_round else 0)
                on_m, on_g, mu, ahead, c2 = at_step(lr, b1, b2, speed, s.visits)
            if scheduled:
                s.product = s.product * mu if visit.first_round else s.product
                if corrects_m:
                    on_m, on_g = on_m / (1 - s.product * ahead), on_g / (1 - s.product)
            root_c2, den = real(np.sqrt(c2)), real(0)
            if by_row:
                s.v = real(b2) * s.v + real(rest2) * (total / real(visit.width))  # (2)
                u = s.v
                if keeps_largest:
                    u = s.vmax = largest(s.vmax, s.v, real(c2))
                den = denominator(u, real(c2), root_c2, real(eps), real(inner))
            return real(on_m), real(on_g), real(c2), root_c2, den

        def element(c: Any, r: Any, w: Any, g: Any, x: Any, e: Any) -> Any:
            keep1, rest1, keep2, rest2, eps, inner = c[:6]
            on_m, on_g, c2, root_c2, den = r
            e.m = keep1 * e.m + rest1 * g  # (1)
            if not by_row:
                e.v = keep2 * e.v + rest2 * x  # (2)
                u = e.v
                if keeps_largest:
                    u = e.vmax = largest(e.vmax, e.v, c2)
                den = denominator(u, c2, root_c2, eps, inner)
            ahead = on_m * e.m
            if nesterov:
                ahead = ahead + on_g * g  # (7)
            return w - quotient(ahead, den)  # (6)

        def term(x: Any) -> Any:
            return x

        return Kernel(scalars, element, row, term if by_row else None)


def rounded(x: Scalar, like: Floats) -> Floats:
    """A float64 scalar, or one per row, rounded once to the dtype of `like`."""
    return np.asarray(x, dtype=like.dtype)
