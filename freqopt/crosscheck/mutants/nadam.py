"""Mutants of NAdam."""

from __future__ import annotations

EDITS = {
    "schedule a batch late": (
        "self._momentum(k), self._momentum(k + 1)",
        "self._momentum(k - 1), self._momentum(k)",
    ),
    "schedule in base 0.95": ("power(0.96,", "power(0.95,"),
    "schedule without the half": ("self.momentum_decay) / 2)", "self.momentum_decay))"),
    "product of one momentum": ("s.product * mu  # (2)", "0 * s.product + mu"),
    "m weighed with the present momentum": ("rate * ahead / (1", "rate * mu / (1"),
    "m corrected without the next momentum": ("s.product * ahead)", "s.product)"),
    "gradient uncorrected": ("rate * (1 - mu) / (1 - s.product)", "rate * (1 - mu)"),
}
