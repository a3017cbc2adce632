r"""CF-SGD: the learning rate of FA-SGD with the frequency counted on line.

Problem
    As FA-SGD, the frequencies p_k unknown.
Update
    c_k <- c_k + n_k                        counter = "raw"                                  (1)
    c_k <- n_k + 2^(-gap/H) c_k             counter = "decayed", gap in batches since the last visit
    c_k <- 1                                counter = "presence"
    theta_k <- theta_k - eta_k g_k          for the rows k in the batch, others untouched
    eta_k = min( 1/(4L), alpha / (sqrt(ub x_k) + eps) )                                      (2)
    x_k = T (c_k / n)                       form = "horizon", n samples or batches so far   (6.2)
          c_k                               form = "anytime"                                (6.3)
          c_k / n                           form = "recipe"
    n_k: 1 (unit = "batch": a duplicate does not count twice) or the occurrences in the batch
    (unit = "occurrence"; then x_k is divided by B in forms "horizon" and "recipe",          (6.6)).
Semantics
    `current`: c_k in (2) holds the present batch ("included"), the earlier ones plus one ("one",
    which makes the rate predictable for B > 1, (6.6)), or the earlier ones only ("excluded", which
    breaks the theory without bound).
State
    c (N,): int64, or float64 and seen_at (N,) int64 with a half-life. 8 or 16 bytes per row.
Theorems
    FA-9 (counters), FA-10, FA-11 (horizon), FA-12 (anytime), FA-13 (mini-batch), FA-17 (a).
    All derived in this project; the paper's own constants are not known to it.
Differs from
    FBGEMM row-wise AdaGrad with counter, mode COUNTER_SGD: dialect "fbgemm.COUNTER_SGD" (no cap,
    eps 1e-8), steps 1, 1.4142, 1.7321, 2 for gradients 1, 2, 3, 4 and the raw counter.
Source
    Li et al., arXiv 2110.04844: a working definition, the paper's algorithm box was not available.
    Half-life, eps and ub: pytorch/FBGEMM, `rowwise_adagrad_with_counter`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from freqopt._fields import NonNegative, Positive
from freqopt.errors import RuleError
from freqopt.kernels import Kernel, Options
from freqopt.optimizers._rows import Rows
from freqopt.optimizers._rule import Rule
from freqopt.optimizers._slots import Slot, State
from freqopt.streams.elementary import integer_power, power
from freqopt.typing import Floats


class CFSGD(Rule):
    """Counter-based frequency-aware SGD."""

    lr: Positive = Field(0.1, description="alpha. In theory sqrt(2 Delta / (L sum p sigma^2)).")
    form: Literal["horizon", "anytime", "recipe"] = Field(
        "horizon",
        description="x in the rate alpha/sqrt(x): T c/n with a known horizon T; the count c; c/n.",
    )
    counter: Literal["raw", "decayed", "presence"] = Field(
        "raw", description="Counts add up; fade with a half-life; are 1."
    )
    halflife: Positive | None = Field(None, description="H in batches, for counter = 'decayed'.")
    unit: Literal["batch", "occurrence"] = Field(
        "batch", description="A visit counts once per batch, or once per occurrence."
    )
    current: Literal["included", "one", "excluded"] = Field(
        "included",
        description="Count in the rate: with the present batch; earlier ones + 1; earlier ones.",
    )
    epsilon: NonNegative = Field(0.0, description="Added to the root in the rate.")
    scale: Positive = Field(1.0, description="ub: factor of the count under the root.")
    horizon: Annotated[int, Field(gt=0)] | None = Field(
        None, description="T; absent: the run's number of steps."
    )
    batch: Annotated[int, Field(gt=0)] | None = Field(
        None, description="B, samples per step; absent: the run's, else 1."
    )
    cap: Literal["smoothness", "none"] = Field(
        "smoothness", description="Largest rate: 1/(4L), or none."
    )
    smoothness: Positive | None = Field(None, description="L; absent: the problem's constant.")

    dialects = {
        "fbgemm.COUNTER_SGD": {"form": "anytime", "cap": "none", "epsilon": 1e-8},
        "paper.horizon": {"form": "horizon"},
        "paper.anytime": {"form": "anytime"},
    }

    @model_validator(mode="after")
    def _counting(self) -> Self:
        if (self.counter == "decayed") != (self.halflife is not None):
            raise ValueError(
                f"counter = {self.counter!r} with halflife = {self.halflife}; a half-life belongs "
                "to counter = 'decayed' and only to it"
            )
        if self.current == "excluded" and self.cap == "none" and self.epsilon == 0:
            raise ValueError(
                "current = 'excluded' divides by a count of 0 at a row's first visit; "
                "choose cap = 'smoothness', epsilon > 0 or current = 'included'"
            )
        return self

    def slots(self) -> tuple[Slot, ...]:
        """The count, and with a half-life the batch of the last visit."""
        if self.counter == "decayed":
            return (
                Slot("c", per="row", dtype="float64"),
                Slot("seen_at", per="row", dtype="int64"),
            )
        return (Slot("c", per="row", dtype="int64"),)

    def init(self, table: Floats, **given: NDArray[Any]) -> State:
        """As `Rule.init`; what the form needs must be known by now."""
        if self.form == "horizon" and self.horizon is None:
            raise RuleError("cf_sgd needs horizon, the number of steps T; or form = 'anytime'")
        if self.cap == "smoothness" and self.smoothness is None:
            raise RuleError(
                "cf_sgd needs smoothness, the constant L of its cap 1/(4L), and the problem has "
                "none; give smoothness = L, or cap = 'none'"
            )
        return super().init(table, **given)

    def update(self, w: Floats, g: Floats, s: Rows) -> Floats:
        """(1), (2) on a block of rows; the rate is float64, rounded once to the table's dtype."""
        here = s.occurrences if self.unit == "occurrence" else (s.occurrences > 0) * s.first_round
        before = s.c
        if self.counter == "decayed":
            fade = float(power(2.0, -1 / self._halflife))
            before = integer_power(fade, np.where(s.c > 0, s.t - s.seen_at, 0)) * s.c
            s.seen_at = np.where(here > 0, s.t, s.seen_at)
            s.c = np.where(here > 0, here + before, s.c)
        elif self.counter == "raw":
            s.c = s.c + here  # (1)
        else:
            s.c = np.where(here > 0, 1, s.c)
        count = {"included": s.c, "one": before + 1, "excluded": before}[self.current]
        root = np.sqrt(self.scale * self._x(count, s.t)) + self.epsilon
        with np.errstate(divide="ignore"):
            eta = self.rate(s.t) / root  # (2)
        if self.smoothness is not None and self.cap == "smoothness":
            eta = np.minimum(eta, 1 / (4 * self.smoothness))
        eta = np.where(s.occurrences > 0, eta, 0.0)  # an absent row of rows = "all" stays
        return w - eta.astype(w.dtype) * g

    def _x(self, count: NDArray[Any], t: int) -> NDArray[np.float64]:
        """What the rate takes the root of: (6.2), (6.3), (6.6)."""
        if self.form == "anytime":
            return count.astype(np.float64)
        seen, batch = t, 1
        if self.unit == "occurrence":
            batch = self.batch or 1
            seen = {"included": t * batch, "one": (t - 1) * batch + 1, "excluded": (t - 1) * batch}[
                self.current
            ]
        frequency = count / max(seen, 1)
        return (frequency if self.form == "recipe" else (self.horizon or 1) * frequency) / batch

    @property
    def _halflife(self) -> float:
        assert self.halflife is not None  # by the validator, wherever counter = "decayed"
        return self.halflife

    @staticmethod
    def kernel(rule: Options) -> Kernel:
        """(1) and (2) for one row; the rate is float64, rounded once to the table's dtype."""
        included, one = rule.current == "included", rule.current == "one"
        decayed, by_occurrence = rule.counter == "decayed", rule.unit == "occurrence"

        def scalars(h: Any, t: Any) -> Any:
            samples, seen = 1.0, float(t)
            if by_occurrence:  # (6.6)
                samples = 1.0 if np.isnan(h.batch) else h.batch
                seen = t * samples if included else (t - 1) * samples
                seen = seen + 1 if one else seen
            fade = power(2.0, -1 / h.halflife) if decayed else 1.0
            cap = 1 / (4 * h.smoothness) if rule.cap == "smoothness" else math.inf
            return h.rate(t), h.epsilon, h.scale, h.horizon, samples, max(seen, 1.0), fade, cap

        def row(c: Any, s: Any, visit: Any) -> Any:
            lr, eps, ub, steps, samples, seen, fade, cap = c
            here, before = visit.occurrences, s.c
            if not by_occurrence:
                here = 1 if visit.occurrences > 0 and visit.first_round else 0
            if decayed:
                before = integer_power(fade, visit.t - s.seen_at if s.c > 0 else 0) * s.c
                if here > 0:
                    s.c = here + before
                    s.seen_at = visit.t
            elif rule.counter == "raw":
                s.c = s.c + here  # (1)
            elif here > 0:
                s.c = 1
            x = float(s.c if included else (before + 1 if one else before))
            if rule.form != "anytime":
                x = x / seen
                x = (steps * x if rule.form == "horizon" else x) / samples  # (6.2), (6.6)
            eta = min(lr / (np.sqrt(ub * x) + eps), cap)  # (2)
            if visit.occurrences == 0:
                eta = 0.0  # an absent row of rows = "all" stays
            return (rule.real(eta),)

        def element(r: Any, w: Any, g: Any) -> Any:
            return w - r[0] * g

        return Kernel(scalars, element, row)
