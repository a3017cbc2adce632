"""`simulate` with many runs of a study side by side, on the twin."""

from __future__ import annotations

import sys

import pytest

from freqopt.backends import cupy
from freqopt.errors import BackendError
from freqopt.experiment.execute import simulate
from freqopt.experiment.results import load
from freqopt.experiment.study import Study

from .twins import needs_compiler

pytestmark = needs_compiler
STUDY = """
title = "small"
steps = 60
runs = 3
checkpoints = 4
record = ["objective", "effective_rate"]

[problem]
name = "token_quadratic"
dimension = 2
tokens = {kind = "zipf", exponent = 1.0, size = 12}

[[rules]]
name = "sgd"
[rules.grid]
lr = [0.1, 1e200]

[[rules]]
name = "cf_sgd"

[grid]
batch = [1, 3]
"""
RUNS = 18


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of which some runs diverge; the twin in the place of the GPU."""
    monkeypatch.setenv("FREQOPT_CUDA_TWIN", "1")
    file = tmp_path / "small.toml"
    file.write_text(STUDY)
    return Study.read(file)


@pytest.fixture
def sizes(monkeypatch):
    """How many runs each launch has side by side."""
    seen = []

    class Watched(cupy.Runs):
        def __init__(self, simulations, *rest):
            seen.append(len(simulations))
            super().__init__(simulations, *rest)

    monkeypatch.setattr(cupy, "Runs", Watched)
    return seen


def rows(study, folder, backend):
    """Everything that was recorded, in an order of its own."""
    table = load(study, results=folder, backend=backend).to_pylist()
    return sorted(map(repr, table))


def test_runs_side_by_side_are_the_reference_s(study, sizes, tmp_path):
    report = simulate(study, results=tmp_path / "r", backend="cupy", jobs=2)
    assert (report.computed, report.failed, report.notices) == (RUNS, [], [])
    assert max(sizes) == 6  # two rates of three runs
    simulate(study, results=tmp_path / "r", backend="numpy", jobs=1)
    ours, theirs = (rows(study, tmp_path / "r", backend) for backend in ("cupy", "numpy"))
    assert ours == theirs


def test_what_is_stored_is_not_run_again(study, sizes, tmp_path):
    simulate(study, results=tmp_path, backend="cupy")
    sizes.clear()
    report = simulate(study, results=tmp_path, backend="cupy")
    assert (report.stored, report.computed, sizes) == (RUNS, 0, [])


def test_ctrl_c_keeps_the_groups_that_were_finished(study, tmp_path, monkeypatch):
    advance, calls = cupy.Runs.advance, []

    def interrupted(self, until):
        calls.append(until)
        if len(calls) > 12:
            raise KeyboardInterrupt
        advance(self, until)

    monkeypatch.setattr(cupy.Runs, "advance", interrupted)
    report = simulate(study, results=tmp_path, backend="cupy")
    assert report.interrupted
    assert 0 < report.computed < RUNS
    monkeypatch.setattr(cupy.Runs, "advance", advance)
    again = simulate(study, results=tmp_path, backend="cupy")
    assert (again.stored, again.computed) == (report.computed, RUNS - report.computed)


def test_too_little_memory_for_all_is_enough_for_some(study, tmp_path, monkeypatch):
    made = []

    class Small(cupy.Runs):
        def __init__(self, simulations, *rest):
            made.append(len(simulations))
            if len(simulations) > 3:
                raise MemoryError("too many")
            super().__init__(simulations, *rest)

    monkeypatch.setattr(cupy, "Runs", Small)
    report = simulate(study, results=tmp_path, backend="cupy")
    assert (report.computed, report.failed) == (RUNS, [])
    assert max(made) > 3


def test_a_run_that_fails_leaves_the_others(study, tmp_path, monkeypatch):
    advance = cupy.Runs.advance

    def broken(self, until):
        if any(one.rule.name() == "cf_sgd" and one.run == 1 for one in self._simulations):
            raise BackendError("this one is broken")
        advance(self, until)

    monkeypatch.setattr(cupy.Runs, "advance", broken)
    report = simulate(study, results=tmp_path, backend="cupy")
    assert report.computed == RUNS - 2
    assert [message for _, message in report.failed] == ["this one is broken"] * 2


def test_without_a_gpu_nothing_is_begun(study, tmp_path, monkeypatch):
    monkeypatch.delenv("FREQOPT_CUDA_TWIN")
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(BackendError, match="needs CuPy"):
        simulate(study, results=tmp_path, backend="cupy")
