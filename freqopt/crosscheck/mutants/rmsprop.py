"""Mutants of RMSprop."""

from __future__ import annotations

EDITS = {
    "v sums": ("s.v = self.rho * s.v", "s.v = s.v"),
    "rho and 1 - rho swapped": (
        "self.rho * s.v + (1 - self.rho) *",
        "(1 - self.rho) * s.v + self.rho *",
    ),
    "v of the batch before": (
        "u = s.v / c",
        "u = np.maximum(s.v - (1 - self.rho) * s.squared(g), 0) / max(self.rho, 1e-9) / c",
    ),
    "root of the bias correction": ("u = s.v / c", "u = s.v / np.sqrt(c)"),
    "mean not squared": ("u - mean * mean", "u - np.abs(mean)"),
    "mean uncorrected": ("mean = s.a / c", "mean = s.a"),
    "root forgotten": ("den = np.sqrt(u) + self.epsilon", "den = u + self.epsilon"),
    "epsilon squared inside": ("np.sqrt(u + self.epsilon)", "np.sqrt(u + self.epsilon**2)"),
    "momentum ignored": ("s.b = self.momentum * s.b + r", "s.b = r"),
    "buffer is an average": (
        "self.momentum * s.b + r ",
        "self.momentum * s.b + (1 - self.momentum) * r ",
    ),
    "Nesterov without the gradient": ("move = r + self", "move = self"),
}
