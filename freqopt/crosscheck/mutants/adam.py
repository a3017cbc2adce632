"""Mutants of Adam, and of the rules that derive from it."""

from __future__ import annotations

import numpy as np

from freqopt.crosscheck.implementation import Given, Step, shown
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

EDITS = {
    "betas swapped": (
        "beta1 * s.m + (1 - self.beta1) * g  # (1)\n    s.v = self.beta2 * s.v + (1 - self.beta2)",
        "beta2 * s.m + (1 - self.beta2) * g  # (1)\n    s.v = self.beta1 * s.v + (1 - self.beta1)",
    ),
    "m decays with beta2": ("s.m = self.beta1 * s.m", "s.m = self.beta2 * s.m"),
    "v decays with beta1": ("s.v = self.beta2 * s.v", "s.v = self.beta1 * s.v"),
    "v sums": ("s.v = self.beta2 * s.v", "s.v = s.v"),
    "m of the batch before": (
        "ahead = rounded(on_m, w) * s.m",
        "ahead = rounded(on_m, w) * (s.m - (1 - self.beta1) * g)",
    ),
    "v of the batch before": ("u = s.v\n", "u = np.maximum(s.v - (1 - self.beta2) * x, 0)\n"),
    "sign of m": ("rounded(on_m, w) * s.m", "rounded(on_m, w) * np.sign(s.m)"),
    "row mean is a sum": ("fold(x)[:, None] / w.shape[1]", "fold(x)[:, None]"),
    "visits per occurrence": ("s.visits + s.first_round", "s.visits + s.occurrences"),
    "c1 from beta2": (
        'c1 = self.correction("first", self.beta1',
        'c1 = self.correction("first", self.beta2',
    ),
    "c2 from beta1": (
        'self.correction("second", self.beta2, k)',
        'self.correction("second", self.beta1, k)',
    ),
    "c2 stops at batch 8": ('"second", self.beta2, k)', '"second", self.beta2, np.minimum(k, 8))'),
    "c2 without its root": ("rounded(np.sqrt(c2), u)", "rounded(c2, u)"),
    "c2 without its root, eps_hat": ("rate * np.sqrt(c2)", "rate * c2"),
    "epsilon 1e-2": ("rounded(np.sqrt(c2), u) + self.epsilon", "rounded(np.sqrt(c2), u) + 1e-2"),
    "epsilon 1e-1, eps_hat": ("np.sqrt(u) + self.epsilon", "np.sqrt(u) + 1e-1"),
    "epsilon squared inside": (
        "np.sqrt(u / rounded(c2, u) + self.epsilon)",
        "np.sqrt(u / rounded(c2, u) + self.epsilon**2)",
    ),
    "amsgrad forgets": ("s.vmax = np.maximum(s.vmax, s.v)", "s.vmax = s.v"),
    "amsgrad unused": ("u = s.vmax = np.maximum(s.vmax, s.v)", "s.vmax = np.maximum(s.vmax, s.v)"),
    "Nesterov corrected at k": ("self.beta1, k + 1)", "self.beta1, k)"),
    "Nesterov without the gradient": (
        "ahead = ahead + rounded(on_g, w) * g",
        "ahead = ahead + 0 * g",
    ),
}


def _fading(rule: Rule, table: Floats, given: Given) -> Step:
    """The moments of rows outside the batch decay, and the rows stand still."""
    state = rule.init(table, **given)
    fade = {"m": rule.beta1, "v": rule.beta2}  # type: ignore[attr-defined]

    def step(rows: Integers, grads: Floats) -> Floats:
        rule.step(table, state, rows, grads)
        absent = np.setdiff1d(np.arange(len(table)), rows)
        for name, beta in fade.items():
            state[name][absent] *= beta
        return shown(rule, table, state)

    return step


FAULTS = {"moments of absent rows fade": _fading}
