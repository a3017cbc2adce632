"""Mutants of FA-SGD."""

from __future__ import annotations

from freqopt.crosscheck.mutants.sgd import NO_SQUARES

EDITS = {
    "1/p": ("root = np.sqrt(p)", "root = p"),
    "frequency of the batch's mean row": (
        "p, batch = s.frequency,",
        "p, batch = 0 * s.frequency + s.frequency.mean(),",
    ),
    "no T": ("math.sqrt(batch / (self.horizon or 1))", "math.sqrt(batch)"),
    "no B": ("math.sqrt(batch / (self.horizon or 1))", "math.sqrt(1 / (self.horizon or 1))"),
    "t for T": ("math.sqrt(batch / (self.horizon or 1))", "math.sqrt(batch / s.t)"),
    "T without its root": ("math.sqrt(batch / (self.horizon or 1))", "batch / (self.horizon or 1)"),
    "cap 1/(2L)": ("four_l = 4 *", "four_l = 2 *"),
    "cap without 1/B": ("(p + 1 / batch)", "p"),
    "cap from below": ("np.minimum(eta, cap)", "np.maximum(eta, cap)"),
    "gradient over p": ("eta.astype(w.dtype) * g", "eta.astype(w.dtype) * g / p"),
    "gradient times p": ("eta.astype(w.dtype) * g", "eta.astype(w.dtype) * g * p"),
}

EQUIVALENT = {
    "g not squared": NO_SQUARES,
    "l2 left out of the second moment": NO_SQUARES,
    "duplicates = squares": NO_SQUARES,
}
