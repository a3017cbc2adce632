"""Mutants of SGD."""

from __future__ import annotations

EDITS = {
    "lr twice": ("return w - lr * g", "return w - lr * lr * g"),
    "momentum ignored": ("s.b = self.momentum * s.b + damped", "s.b = damped"),
    "buffer is an average": ("s.b + damped", "s.b + (1 - self.momentum) * damped"),
    "every buffer undamped": (
        "damped[s.started[:, 0] == 0] = step[s.started[:, 0] == 0]",
        "damped = step",
    ),
    "Nesterov without the gradient": ("step + self.momentum * s.b if", "self.momentum * s.b if"),
    "Nesterov along the old buffer": ("step + self.momentum * s.b if", "step + s.b - damped if"),
}

NO_SQUARES = "nothing here has a second moment"

EQUIVALENT = {
    "g not squared": NO_SQUARES,
    "l2 left out of the second moment": NO_SQUARES,
    "duplicates = squares": NO_SQUARES,
}
