"""Mutants of the step around every rule's own equations."""

from __future__ import annotations

EDITS = {
    "l2 left out of the second moment": (
        "squares=batch.squares",
        "squares=batch.grads**2 if batch.squares is None else batch.squares",
    ),
    "l2 of the wrong sign": ("g + self.added_decay * w if", "g - self.added_decay * w if"),
    "decoupled decay without the rate": ("1 - self.rate(s.t) * self", "1 - self"),
    "decoupled decay at the first rate": ("1 - self.rate(s.t) *", "1 - self.rate(1) *"),
    "lazy decay a batch short": ("factor, s.t - s.decayed_at", "factor, s.t - s.decayed_at - 1"),
}
