"""Mutants of row-wise AdaGrad."""

from __future__ import annotations

EDITS = {
    "first square of the row": ("fold(squares)[:, None]", "squares[:, :1] * width"),
    "median of squares": ("fold(squares)[:, None]", "np.median(squares, 1, keepdims=True) * width"),
    "square of the mean of |g|": (
        "squares = s.squared(g)",
        "squares = abs(g).mean(1, keepdims=True) ** 2 + 0 * g",
    ),
    "mean of |g|": ("squares = s.squared(g)", "squares = abs(g)"),
    "root of the mean of squares": ("return total / width", "return np.sqrt(total / width)"),
    "mean over d - 1": ("return total / width", "return total / max(width - 1, 1)"),
    "mean over d padded to 4": ("return total / width", "return total / (-(-width // 4) * 4)"),
    "visits counted": ("s.s = s.s + x", "s.s = s.s + 1"),
    "largest statistic kept": ("s.s = s.s + x", "s.s = np.maximum(s.s, x)"),
    "mean without 1 - rho": ("(1 - self.rho) * x", "x"),
    "weight sqrt(t)": ("math.sqrt(s.t + 1)", "math.sqrt(s.t)"),
    "weight missing in the step": ("step = step * q", "step = step * 1"),
    "root forgotten": ("den = np.sqrt(used) + self.epsilon", "den = used + self.epsilon"),
    "fourth root": ("power(used, 1 / 3)", "power(used, 1 / 4)"),
    "epsilon squared inside": ("np.sqrt(used + self.epsilon)", "np.sqrt(used + self.epsilon**2)"),
    "epsilon of FBGEMM": ("den = np.sqrt(used) + self.epsilon", "den = np.sqrt(used) + 1e-8"),
}
