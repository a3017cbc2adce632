r"""FTRL-Proximal: follow the regularised leader, with weights that are exactly 0.

Problem
    Minimise f(w) + l1 ||w||_1 + a quadratic, with a rate of each element's own and sparse w.
Update
    n' = n + g^2                                                                             (1)
    sigma = (n'^p - n^p) / alpha_t,   p = -lr_power                                          (2)
    z <- z + (g - sigma w),   n <- n'                                                        (3)
    den = (beta + n^p) / alpha_t + lambda,   lambda = l2 or 2 l2                             (4)
    w <- 0 if |z| <= l1, else -(z - sign(z) l1) / den                                        (5)
Semantics
    w is a function of z and n: what a row held before its first update is forgotten but for
    sigma w. With l1 = l2 = beta = 0 and a constant rate the step is AdaGrad's but for rounding.
    `l2_term`: McMahan adds l2/2 ||w||^2 to the loss ("half", lambda = l2), TensorFlow
    l2 ||w||^2 ("whole", lambda = 2 l2). p is rounded once to the table's dtype; p = 1/2 is a square
    root, other powers are float64 and rounded once. An entry whose den is 0 becomes 0.
State
    z, n (N, d): 8 d bytes per row in float32.
Theorems
    None here.
Differs from
    1. tf.raw_ops.ApplyFtrl, Keras Ftrl: none but rounding at beta = 0; Keras folds beta into its l2
    as beta / (2 lr). Their accumulator begins at 0.1. 2. McMahan's Algorithm 1 has p = 1/2 and
    beta = 1 and begins at 0; it computes w when it is read, here it is stored: the same.
Source
    McMahan et al. 2013 (Ad Click Prediction, KDD), Algorithm 1; (4) with other powers and 2 l2:
    TensorFlow's ApplyFtrl.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from freqopt._fields import NonNegative, Positive
from freqopt.kernels import Kernel, Options, quotient
from freqopt.optimizers._rows import Rows
from freqopt.optimizers._rule import Rule
from freqopt.optimizers._slots import Slot
from freqopt.streams.elementary import power
from freqopt.typing import Floats


class FTRL(Rule):
    """FTRL-Proximal with a rate per element."""

    lr: Positive = Field(0.1, description="alpha, base learning rate.")
    l1: NonNegative = Field(0.0, description="Weight of ||w||_1: entries with |z| <= l1 are 0.")
    l2: NonNegative = Field(0.0, description="Weight of the quadratic, as l2_term says.")
    l2_term: Literal["half", "whole"] = Field(
        "half", description="l2 / 2 ||w||^2 (McMahan) or l2 ||w||^2 (TensorFlow)."
    )
    beta: NonNegative = Field(1.0, description="Added to n^p: slows the first steps.")
    lr_power: Annotated[float, Field(ge=-1, le=0)] = Field(
        -0.5, description="-p; the rate falls like n^lr_power, and 0 keeps it."
    )
    initial_accumulator: NonNegative = Field(0.0, description="Value of n before the first step.")

    dialects = {
        "mcmahan.FTRL-Proximal": {},
        "tensorflow.Ftrl": {
            "lr": 0.001,
            "beta": 0.0,
            "l2_term": "whole",
            "initial_accumulator": 0.1,
        },
    }

    def slots(self) -> tuple[Slot, ...]:
        """z, what the leader follows, and n, the accumulated squares."""
        return (
            Slot("z", per="element"),
            Slot("n", per="element", start=self.initial_accumulator),
        )

    def update(self, w: Floats, g: Floats, s: Rows) -> Floats:
        """Equations (1) to (5) on a block of rows."""
        alpha = self.rate(s.t)
        before = self._powered(s.n)
        s.n = s.n + s.squared(g)  # (1)
        after = self._powered(s.n)
        sigma = (after - before) / alpha  # (2)
        s.z = s.z + (g - sigma * w)  # (3)
        den = (self.beta + after) / alpha + (2 * self.l2 if self.l2_term == "whole" else self.l2)
        shrunk = s.z - np.sign(s.z) * self.l1
        moved = np.where(den == 0, 0, shrunk / np.where(den == 0, 1, den))
        return np.where(np.abs(s.z) <= self.l1, 0, -moved)  # (5)

    def _powered(self, n: Floats) -> Floats:
        """n^p in the table's dtype."""
        p = n.dtype.type(-self.lr_power)
        return np.sqrt(n) if p == 0.5 else power(n, float(p)).astype(n.dtype)

    @staticmethod
    def kernel(rule: Options) -> Kernel:
        """(1) to (5) for one row."""

        def scalars(h: Any, t: Any) -> Any:
            l2 = 2 * h.l2 if rule.l2_term == "whole" else h.l2
            return h.rate(t), h.beta, h.l1, l2, -h.lr_power

        def powered(n: Any, p: Any) -> Any:
            return np.sqrt(n) if p == 0.5 else rule.real(power(float(n), float(p)))

        def element(c: Any, w: Any, g: Any, x: Any, e: Any) -> Any:
            alpha, beta, l1, l2, p = c
            before = powered(e.n, p)
            e.n = e.n + x  # (1)
            after = powered(e.n, p)
            sigma = (after - before) / alpha  # (2)
            e.z = e.z + (g - sigma * w)  # (3)
            den = (beta + after) / alpha + l2  # (4)
            shrunk = e.z - np.sign(e.z) * l1
            return 0 if abs(e.z) <= l1 else -quotient(shrunk, den)  # (5)

        return Kernel(scalars, element)
