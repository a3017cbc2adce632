"""Mutants of AdaGrad."""

from __future__ import annotations

EDITS = {
    "one accumulator per row": ("quotient(g, v,", "quotient(g, v.mean(axis=1, keepdims=True),"),
    "cube root": ("den = np.sqrt(v) + epsilon", "den = np.cbrt(v) + epsilon"),
    "root forgotten": ("den = np.sqrt(v) + epsilon", "den = v + epsilon"),
    "epsilon squared inside": ("np.sqrt(v + epsilon)", "np.sqrt(v + epsilon * epsilon)"),
    "epsilon of FBGEMM": ("v, self.epsilon,", "v, 1e-8,"),
    "largest square kept": ("s.v = s.v + s.squared(g)  # (1)", "s.v = np.maximum(s.v, g * g)"),
    "mean without 1 - rho": ("(1 - self.rho) * s.squared(g)", "s.squared(g)"),
    "weight sqrt(t)": ("math.sqrt(s.t + 1)", "math.sqrt(s.t)"),
    "weight t + 1": ("math.sqrt(s.t + 1)", "(s.t + 1)"),
}
