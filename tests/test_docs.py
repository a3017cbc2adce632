"""What the docs tell a reader to do works."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from freqopt.optimizers import rules

DOCS = Path(__file__).parent.parent / "docs"


def test_the_rule_of_add_a_rule_works_from_its_own_file(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "add_a_rule.md").read_text(), re.S)
    path = tmp_path / "signum.py"
    path.write_text(code)
    rule = rules[str(path)](lr=0.1)
    assert rule.name() == "signum"
    rng = np.random.default_rng(0)
    fast = rng.normal(size=(4, 3))
    slow = fast.copy()
    fast_state, slow_state = rule.init(fast), rule.init(slow)
    for _ in range(5):
        rows, grads = rng.integers(0, 3, 6), rng.normal(size=(6, 3))
        rule.step(fast, fast_state, rows, grads)
        rule.slow_step(slow, slow_state, rows, grads)
    np.testing.assert_array_equal(fast, slow)
    assert fast[3].tobytes() == np.random.default_rng(0).normal(size=(4, 3))[3].tobytes()
    assert (abs(fast[:3] - np.random.default_rng(0).normal(size=(4, 3))[:3]) > 0.05).all()
