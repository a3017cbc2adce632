"""Runs a compiled step beside the reference and compares everything that both may change."""

from __future__ import annotations

import numpy as np

from freqopt.backends.numba import Workspace, step
from freqopt.optimizers import Rule

from ..optimizers.drawing import ulps


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays agree bit for bit; any NaN equals any other."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind != "f":
        return bool((a == b).all())
    agree = (a == b) & (np.signbit(a) == np.signbit(b))
    return bool((agree | (np.isnan(a) & np.isnan(b))).all())


class Pair:
    """One rule on two copies of a table: the reference's and the compiled one."""

    def __init__(self, rule: Rule, start: np.ndarray, workspace: Workspace) -> None:
        self.rule, self.workspace = rule, workspace
        self.expected, self.found = start.copy(), start.copy()
        frequency = np.random.default_rng(5).uniform(0.01, 1, len(start))
        known = {slot.name: frequency for slot in rule.all_slots() if slot.given}
        self.expected_state = rule.init(self.expected, **known)
        self.found_state = rule.init(self.found, **known)

    def step(self, rows: np.ndarray, grads: np.ndarray) -> None:
        """Take the step in both ways."""
        with np.errstate(all="ignore"):
            self.rule.step(self.expected, self.expected_state, rows, grads)
        step(self.rule, self.found, self.found_state, rows, grads, self.workspace)

    def check(self) -> None:
        """Compare the tables and every slot."""
        apart = ulps(self.found, self.expected)
        assert same(self.found, self.expected), f"{self.rule!r}: {apart} ULP apart"
        for name, expected in self.expected_state.items():
            assert same(self.found_state[name], expected), f"{self.rule!r}: slot {name}"


def zipf_batch(rng: np.random.Generator, rows: int, batch: int) -> np.ndarray:
    """Rows with the duplicates of a Zipf law, in no order of frequency."""
    heavy = np.minimum((1 / rng.uniform(1 / rows, 1, batch)).astype(np.int64), rows) - 1
    return heavy * 7919 % rows
