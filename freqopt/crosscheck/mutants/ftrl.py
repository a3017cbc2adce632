"""Mutants of FTRL-Proximal."""

from __future__ import annotations

EDITS = {
    "sigma of the sum": ("sigma = (after - before) / alpha", "sigma = after / alpha"),
    "sigma without the rate": ("sigma = (after - before) / alpha", "sigma = after - before"),
    "w left out of z": ("(g - sigma * w)", "g"),
    "w enters z with the other sign": ("g - sigma * w", "g + sigma * w"),
    "z forgets": ("s.z = s.z + (g", "s.z = (g"),
    "the power of the batch before": ("after = self._powered(s.n)", "after = before"),
    "a square root always": ("power(n, float(p)).astype(n.dtype)", "np.sqrt(n)"),
    "beta not over the rate": ("(self.beta + after) / alpha", "self.beta + after / alpha"),
    "l2 over the rate": ("alpha + (2 * self.l2", "alpha + (2 * self.l2 / alpha"),
    "nothing is 0": ("np.where(np.abs(s.z) <= self.l1, 0, -moved)", "-moved"),
    "not shrunk": ("s.z - np.sign(s.z) * self.l1", "s.z"),
    "shrunk the wrong way": ("s.z - np.sign(s.z)", "s.z + np.sign(s.z)"),
    "not turned": ("0, -moved)", "0, moved)"),
}
