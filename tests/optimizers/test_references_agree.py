"""The two references of every rule agree bit for bit, over the product of all axes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqopt.optimizers import Rule, rules

from .drawing import WIDTHS, drawn_rules, streams, ulps


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", list(rules))
def test_step_equals_slow_step(name: str, dtype: type) -> None:
    worst = 0
    examples = 0

    @settings(max_examples=150)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        nonlocal worst, examples
        rule: Rule = data.draw(drawn_rules(rules[name]))
        size, width = data.draw(st.sampled_from([1, 2, 6])), data.draw(st.sampled_from(WIDTHS))
        rng = np.random.default_rng(7)
        start = rng.normal(size=(size, width)).astype(dtype)
        start[::2] = 0  # the last bit of a small step shows at 0 and is rounded away at 1
        fast, slow = start.copy(), start.copy()
        frequency = rng.uniform(0.01, 1, size)
        known = {s.name: frequency for s in rule.all_slots() if s.given}
        fast_state, slow_state = rule.init(fast, **known), rule.init(slow, **known)
        for rows, grads in data.draw(streams(size, width, dtype)):
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                rule.step(fast, fast_state, rows, grads)
                rule.slow_step(slow, slow_state, rows, grads)
            worst = max(worst, ulps(fast, slow))
            assert _same(fast, slow), f"{rule!r}: {ulps(fast, slow)} ULP apart"
            for key in fast_state:
                assert _same(fast_state[key], slow_state[key]), f"{rule!r}: slot {key}"
        examples += 1

    check()
    assert examples >= 100, f"only {examples} examples were executed"
    print(f"{name} {np.dtype(dtype)}: worst {worst} ULP over {examples} examples")
