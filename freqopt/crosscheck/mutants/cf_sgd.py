"""Mutants of CF-SGD."""

from __future__ import annotations

from freqopt.crosscheck.mutants.sgd import NO_SQUARES

EDITS = {
    "1/c": ("np.sqrt(self.scale * self._x(count, s.t))", "self.scale * self._x(count, s.t)"),
    "fourth root": (
        "np.sqrt(self.scale * self._x(count, s.t))",
        "(self.scale * self._x(count, s.t)) ** 0.25",
    ),
    "epsilon inside": (
        "self._x(count, s.t)) + self.epsilon",
        "self._x(count, s.t) + self.epsilon)",
    ),
    "half-life in visits": ("np.where(s.c > 0, s.t - s.seen_at, 0)", "np.where(s.c > 0, 1, 0)"),
    "counts fade by e": ("power(2.0, -1", "power(2.718281828459045, -1"),
    "counts stored unfaded": ("here + before, s.c)", "here + s.c, s.c)"),
    "gap of the first visit": ("np.where(s.c > 0, s.t - s.seen_at, 0)", "s.t - s.seen_at"),
    "visit counted twice": ("s.c = s.c + here", "s.c = s.c + 2 * here"),
    "count not over n": ("count / max(seen, 1)", "count"),
    "t for T": ("(self.horizon or 1) * frequency", "t * frequency"),
    "B ignored": ("* frequency) / batch", "* frequency)"),
    "cap 1/(2L)": ("1 / (4 *", "1 / (2 *"),
    "absent rows decay": ("np.where(s.occurrences > 0, eta, 0.0)", "eta"),
}

EQUIVALENT = {
    "g not squared": NO_SQUARES,
    "l2 left out of the second moment": NO_SQUARES,
    "duplicates = squares": NO_SQUARES,
    "gap of the first visit": "the count that it fades is 0",
}
