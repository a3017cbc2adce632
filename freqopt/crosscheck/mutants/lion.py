"""Mutants of Lion."""

from __future__ import annotations

from freqopt.crosscheck.mutants.sgd import NO_SQUARES

STEP = "np.sign(self.beta1 * s.m + (1 - self.beta1) * g)"
EDITS = {
    "beta2 in the step": (STEP, STEP.replace("beta1", "beta2")),
    "beta1 in the momentum": (
        "s.m = self.beta2 * s.m + (1 - self.beta2) * g",
        "s.m = self.beta1 * s.m + (1 - self.beta1) * g",
    ),
    "sign forgotten": (STEP, "self.beta1 * s.m + (1 - self.beta1) * g"),
    "sign of the gradient": (STEP, "np.sign(g)"),
    "sign of the momentum": (STEP, "np.sign(s.m)"),
    "m sums": ("s.m = self.beta2 * s.m", "s.m = s.m"),
    "m takes the sign": ("(1 - self.beta2) * g  # (2)", "(1 - self.beta2) * u  # (2)"),
    "zero counts as positive": ("self.rate(s.t) * u", "self.rate(s.t) * np.where(u < 0, -1, 1)"),
}

SIGN = "the step keeps the sign only, and no exercise comes so near to 0"

EQUIVALENT = {
    "g not squared": NO_SQUARES,
    "l2 left out of the second moment": NO_SQUARES,
    "duplicates = squares": NO_SQUARES,
    "state in float32": SIGN,
    "state in float32 at once": SIGN,
    "state in bfloat16": SIGN,
    "state in bfloat16 at once": SIGN,
    "batch clipped by its longest row": "a positive factor leaves the sign",
}
