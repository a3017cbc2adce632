"""The ledger of accuracy may fall and never rise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from freqopt.crosscheck import cases, reference, trace
from freqopt.crosscheck.goldens import ledger
from freqopt.crosscheck.goldens.exact import RULES
from freqopt.optimizers import rules

from ..backends.cupy.twins import needs_compiler

PATH = Path(__file__).parents[1] / "ledger.json"
STORED = json.loads(PATH.read_text())
COMPILED = "sgd"
"""The one rule whose compiled kernels the default run measures; each takes seconds to compile."""


def entries():
    for implementation, by_rule in STORED.items():
        for rule in by_rule:
            slow = implementation in ("numba", "cuda_twin") and rule != COMPILED
            marks = [pytest.mark.slow] * slow + [needs_compiler] * (implementation == "cuda_twin")
            yield pytest.param(implementation, rule, marks=marks, id=f"{implementation}-{rule}")


@pytest.mark.parametrize(("implementation", "rule"), list(entries()))
def test_no_distance_has_grown(implementation, rule):
    stored = STORED[implementation][rule]
    now = {dtype: ledger.measure(implementation, rule, dtype) for dtype in ("float32", "float64")}
    entry = {implementation: {rule: now}}
    assert ledger.grown(STORED, entry) == []
    assert now == stored, (
        "better than the ledger says: python -m freqopt.crosscheck.goldens.ledger PATH"
    )


def test_every_rule_is_in_the_ledger():
    assert set(STORED) == set(ledger.JUDGED)
    for implementation in ("slow_reference", "numba", "cuda_twin"):
        assert set(STORED[implementation]) == set(rules)
    assert set(STORED["forty_digits"]) == set(RULES)
    assert ledger.text(STORED) == PATH.read_text()


@pytest.fixture
def off(monkeypatch):
    """A backend that is a little off in float32, for rule adagrad alone."""

    def trajectory(case):
        tables = trace(reference, case)
        tables[-1, 0, 0] *= 1 + off.by
        return tables

    def off(by):
        off.by = by

    monkeypatch.setattr(ledger, "JUDGED", {"mine": trajectory})
    monkeypatch.setattr(ledger, "rules", ["adagrad"])
    monkeypatch.setattr(ledger, "cases", lambda rule, dtype: cases(rule, dtype)[:2])
    return off


def test_a_smaller_distance_is_recorded_and_a_larger_one_is_not(off, tmp_path, capsys):
    path = tmp_path / "ledger.json"
    off(1e-6)
    assert ledger.main(path, []) == 0
    first = json.loads(path.read_text())
    assert 4 < first["mine"]["adagrad"]["float32"] < 20
    off(1e-7)
    assert ledger.main(path, ["mine"]) == 0
    second = json.loads(path.read_text())
    assert second["mine"]["adagrad"]["float32"] < first["mine"]["adagrad"]["float32"]
    off(1e-6)
    before = path.read_bytes()
    assert ledger.main(path, []) == 1
    assert path.read_bytes() == before
    assert "grown: mine, adagrad, float32: " in capsys.readouterr().err


def test_what_the_file_has_of_others_stays(off, tmp_path):
    path = tmp_path / "ledger.json"
    path.write_text(ledger.text({"theirs": {"sgd": {"float32": 3.0}}}))
    off(0)
    assert ledger.main(path, []) == 0
    assert json.loads(path.read_text())["theirs"] == {"sgd": {"float32": 3.0}}
