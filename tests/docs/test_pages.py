"""What the docs tell a reader to do works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import freqopt
from freqopt.optimizers import rules
from freqopt.problems import problems
from freqopt.report.rules_page import page

DOCS = Path(__file__).parents[2] / "docs"


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


def test_the_problem_of_add_a_problem_works_from_its_own_file(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "add_a_problem.md").read_text(), re.S)
    path = tmp_path / "one_hot.py"
    path.write_text(code)
    problem = problems[str(path)](size=5)
    tables = problem.start(0, 0)
    exact = problem.gradient(tables)["theta"]
    for k in range(5):
        up, down = tables["theta"].copy(), tables["theta"].copy()
        up[k], down[k] = 1e-4, -1e-4
        slope = (problem.objective({"theta": up}) - problem.objective({"theta": down})) / 2e-4
        assert abs(slope - exact[k, 0]) < 1e-11  # a quadratic: only rounding is left
    alone = problem.draw(1, 2, np.array([7]), 3)
    among = problem.draw(1, 2, np.arange(10), 3)
    assert all((alone[name][0] == among[name][7]).all() for name in alone)
    trajectory = freqopt.run(problem, "cf_sgd", steps=400, record=["gap"])
    gap = trajectory.curve("gap")[1]
    assert gap[-1] < 0.2 * gap[0]


def test_the_metric_of_add_a_metric_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = re.findall(r"```python\n(.*?)```", (DOCS / "add_a_metric.md").read_text(), re.S)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "row_norms.py").write_text(codes[0])
    names: dict[str, Any] = {}
    exec(codes[1], names)
    rows = np.asarray(names["run"].tables["tokens"])
    tail = names["run"].simulation.problem.constants.frequency["tokens"]
    members = freqopt.Groups().members(tail)["tail"]
    assert abs(names["tail"][-1] ** 2 - (rows[members] ** 2).sum(axis=1).mean()) < 1e-9
    assert names["tail"][0] != names["tail"][-1]


def test_the_python_of_the_readme_runs() -> None:
    readme = (DOCS.parent / "README.md").read_text()
    codes = re.findall(r"```python\n(.*?)```", readme, re.S)
    assert len(codes) == 2
    for code in codes:
        names: dict[str, object] = {}
        exec(code, names)
        assert "run" in names or "table" in names


def test_the_page_of_rules_is_that_of_the_code() -> None:
    # A rule may be added without this page; what the page says must be what the code says.
    written = (DOCS / "rules.md").read_text().split("\n## ")
    made = page().split("\n## ")
    stale = [part.splitlines()[0] for part in written if part.strip() not in map(str.strip, made)]
    assert not stale, "run: python -m freqopt.report.rules_page > docs/rules.md"
    assert len(written) > 10
