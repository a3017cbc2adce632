r"""FA-SGD: a learning rate per token that falls with the square root of its known frequency.

Problem
    Minimise f(Theta) = E l(Theta; xi) where a sample xi contains token k with probability p_k.
Update
    theta_k <- theta_k - eta_k g_k          for the tokens k in the batch, others untouched
    eta_k = min( cap_k, alpha sqrt(B / T) p_k^-q ),  q = 1/2                        (6.1), (6.5)
    cap_k = 1 / (4 L)                       cap = "smoothness", safe for every B
            1 / (4 L (p_k + 1/B))           cap = "frequency"                       (6.4)
            alpha B                         cap = "visit": no further than for one expected visit
            no cap                          cap = "none"
    T is the horizon, B the batch, alpha the field `lr`; form = "recipe" drops sqrt(B/T):
    eta_k = lr p_k^-q.
Semantics
    The gradient of a batch is the mean over its samples, duplicates summed.
State
    frequency (N,) float64: p_k, given. 8 bytes per row.
Theorems
    FA-4 (per token and joint bound), FA-5, FA-6 (speed-up), FA-7 and FA-16 (why q = 1/2), FA-8;
    FA-15-SHARP (d) for cap = "visit": convex losses, alpha = R/gamma.
    All derived in this project; the paper's own constants are not known to it.
Differs from
    torch `scale_grad_by_freq` divides by the count inside the batch, not by the frequency.
Source
    Li, Choudhary, Wei, Yuan, Bhushanam, Zhao, Lan, arXiv 2110.04844: a working definition. The
    paper's algorithm box was not available; the exponent 1/2 is inferred from its citations.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from freqopt._fields import Positive
from freqopt.errors import BatchError, RuleError
from freqopt.kernels import Kernel, Options
from freqopt.optimizers._batch import Batch
from freqopt.optimizers._rows import Rows
from freqopt.optimizers._rule import Rule
from freqopt.optimizers._slots import Slot, State
from freqopt.streams.elementary import power
from freqopt.typing import Floats


class FASGD(Rule):
    """Frequency-aware SGD with known frequencies."""

    lr: Positive = Field(0.1, description="alpha. In theory sqrt(2 Delta / (L sum p sigma^2)).")
    form: Literal["horizon", "recipe"] = Field(
        "horizon", description="Rate alpha sqrt(B/T) p^-q, or lr p^-q without a horizon."
    )
    exponent: Annotated[float, Field(ge=0, le=1)] = Field(
        0.5,
        description="q: the rate falls like p^-q. 0 is SGD, 1/2 FA-SGD, 1 the inverse frequency.",
    )
    horizon: Annotated[int, Field(gt=0)] | None = Field(
        None, description="T; absent: the run's number of steps."
    )
    batch: Annotated[int, Field(gt=0)] | None = Field(
        None, description="B, samples per step; absent: the run's, else 1."
    )
    cap: Literal["smoothness", "frequency", "visit", "none"] = Field(
        "smoothness",
        description="Largest rate: 1/(4L); 1/(4L(p + 1/B)); alpha B, for form 'horizon'; none.",
    )
    smoothness: Positive | None = Field(None, description="L; absent: the problem's constant.")

    @model_validator(mode="after")
    def _one_visit(self) -> Self:
        if self.form == "recipe" and self.cap == "visit":
            raise ValueError(
                "cap = 'visit' belongs to form = 'horizon': a recipe does not say how many visits "
                "are expected; choose that form or another cap"
            )
        return self

    def slots(self) -> tuple[Slot, ...]:
        """The known frequencies."""
        return (Slot("frequency", per="row", dtype="float64", given=True),)

    def init(self, table: Floats, **given: NDArray[Any]) -> State:
        """As `Rule.init`; ``frequency`` (N,) holds probabilities, 0 for a row that never comes."""
        if self.form == "horizon" and self.horizon is None:
            raise RuleError("fa_sgd needs horizon, the number of steps T; or form = 'recipe'")
        if self.cap in ("smoothness", "frequency") and self.smoothness is None:
            raise RuleError(
                "fa_sgd needs smoothness, the constant L of its cap 1/(4L), and the problem has "
                "none; give smoothness = L, or cap = 'visit' or 'none'"
            )
        state = super().init(table, **given)
        p = state["frequency"]
        bad = np.flatnonzero(~((p >= 0) & (p <= 1)))
        if bad.size:
            raise BatchError(
                f"frequency of row {bad[0]} is {p[bad[0]]}, expected a probability in [0, 1]"
            )
        return state

    def advance(self, table: Floats, state: State, batches: list[Batch]) -> None:
        """As `Rule.advance`; a row that was said never to come is refused."""
        for batch in batches:
            impossible = state["frequency"][batch.rows] == 0
            if impossible.any():
                raise BatchError(
                    f"row {batch.rows[impossible.argmax()]} came, and its given frequency is 0; "
                    "give init the frequencies of the data that are trained on"
                )
        super().advance(table, state, batches)

    def update(self, w: Floats, g: Floats, s: Rows) -> Floats:
        """(6.1) on a block of rows; the rate is float64 and rounded once to the table's dtype."""
        p, batch = s.frequency, self.batch or 1
        root = np.sqrt(p) if self.exponent == 0.5 else power(p, self.exponent)
        scale = self.rate(s.t)
        if self.form == "horizon":
            scale = scale * math.sqrt(batch / (self.horizon or 1))
        eta = np.where(p > 0, scale / np.where(p > 0, root, 1), 0)  # (6.1), (6.5)
        if self.cap == "visit":
            eta = np.minimum(eta, self.rate(s.t) * batch)
        elif self.smoothness is not None and self.cap != "none":
            four_l = 4 * self.smoothness
            cap = 1 / (four_l * (p + 1 / batch)) if self.cap == "frequency" else 1 / four_l  # (6.4)
            eta = np.minimum(eta, cap)
        return w - eta.astype(w.dtype) * g

    @staticmethod
    def kernel(rule: Options) -> Kernel:
        """(6.1) for one row; the rate is float64 and rounded once to the table's dtype."""
        real, capped = rule.real, rule.smoothness and rule.cap != "none"

        def scalars(h: Any, t: Any) -> Any:
            samples = 1.0 if np.isnan(h.batch) else h.batch
            scale = alpha = h.rate(t)
            if rule.form == "horizon":
                scale = scale * np.sqrt(samples / h.horizon)
            return scale, h.exponent, 4 * h.smoothness, 1 / samples, alpha * samples

        def row(c: Any, s: Any) -> Any:
            scale, q, four_l, one_over_b, one_visit = c
            p = s.frequency
            eta = scale / (np.sqrt(p) if q == 0.5 else power(p, q))  # (6.1), (6.5)
            if rule.cap == "visit":
                eta = min(eta, one_visit)
            elif capped:
                cap = 1 / (
                    four_l * (p + one_over_b) if rule.cap == "frequency" else four_l
                )  # (6.4)
                eta = min(eta, cap)
            return (real(eta),)

        def element(r: Any, w: Any, g: Any) -> Any:
            return w - r[0] * g

        return Kernel(scalars, element, row)
