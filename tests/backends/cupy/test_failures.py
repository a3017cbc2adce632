"""A study on a GPU that fails under way: what is finished is kept, and one message says why."""

from __future__ import annotations

import gc

import pytest

from freqopt.backends import cupy as backend
from freqopt.cli import run
from freqopt.experiment.execute import simulate
from freqopt.experiment.study import Study

from .stand_in import CUDARuntimeError
from .test_simulate import RUNS, STUDY, rows
from .twins import needs_compiler

pytestmark = needs_compiler
LARGEST = 6  # runs that share a launch


@pytest.fixture
def file(tmp_path):
    """A study of 18 runs."""
    path = tmp_path / "small.toml"
    path.write_text(STUDY)
    return path


@pytest.fixture
def groups(monkeypatch):
    """How many runs each attempt had side by side, and how much memory they took."""
    seen = []

    class Watched(backend.Runs):
        def __init__(self, simulations, device):
            before = device.xp.live
            super().__init__(simulations, device)
            seen.append((len(simulations), device.xp.live - before))

    monkeypatch.setattr(backend, "Runs", Watched)
    return seen


@pytest.fixture
def no_collector():
    """Python's collector of circles does not come by of itself."""
    gc.disable()
    yield
    gc.enable()


def same_as_the_reference(file, folder):
    """Everything that is stored has the reference's bits."""
    study = Study.read(file)
    simulate(study, results=folder, backend="numpy", jobs=1)
    assert rows(study, folder, "cupy") == rows(study, folder, "numpy")


def test_memory_for_some_runs_is_enough_for_all(cupy, file, groups, tmp_path, no_collector):
    simulate(Study.read(file), results=tmp_path / "a", backend="cupy")
    count, size = max(groups)
    assert count == LARGEST
    assert cupy.live == 0  # a study that is over holds nothing
    cupy.memory = size // 2
    groups.clear()
    report = simulate(Study.read(file), results=tmp_path / "b", backend="cupy")
    assert (report.computed, report.failed, report.notices) == (RUNS, [], [])
    assert max(groups)[0] < LARGEST
    assert cupy.freed
    same_as_the_reference(file, tmp_path / "b")


def test_memory_that_is_too_small_for_one_run_is_said_of_every_run(cupy, file, tmp_path):
    cupy.memory = 1000
    report = simulate(Study.read(file), results=tmp_path, backend="cupy")
    assert (report.computed, len(report.failed), report.notices) == (0, RUNS, [])
    assert all("memory is too small for 1 runs at once" in said for _, said in report.failed)


def test_a_gpu_that_is_lost_under_way_keeps_what_was_finished(
    cupy, file, groups, tmp_path, monkeypatch, capsys
):
    advance, calls = backend.Runs.advance, []

    def losing(self, until):
        calls.append(until)
        if len(calls) == 12:
            cupy.waiting = CUDARuntimeError(700)
        advance(self, until)

    monkeypatch.setattr(backend.Runs, "advance", losing)
    results = ["--backend", "cupy", "--results", str(tmp_path)]
    assert run(["simulate", str(file), *results]) == 1
    said = capsys.readouterr()
    assert " ".join(said.err.split()).count("cudaErrorIllegalAddress") == 1
    assert "more runs: the GPU failed at runs side by side" in " ".join(said.err.split())
    kept = int(said.out.split("computed")[0].split()[-1])
    assert 0 < kept < RUNS
    assert len(groups) <= 6  # not one attempt for each run
    cupy.waiting = None
    monkeypatch.setattr(backend.Runs, "advance", advance)
    report = simulate(Study.read(file), results=tmp_path, backend="cupy")
    assert (report.stored, report.computed) == (kept, RUNS - kept)
    same_as_the_reference(file, tmp_path)


def test_a_compiler_that_is_missing_is_said_and_does_not_fall_back(cupy, file, tmp_path):
    def absent():
        raise RuntimeError("Failure finding libnvrtc.so.13")

    cupy.cuda.nvrtc.getSupportedArchs = absent
    report = simulate(Study.read(file), results=tmp_path, backend="cupy")
    assert (report.computed, len(report.failed), report.notices) == (0, RUNS, [])
    assert {message[:51] for _, message in report.failed} == {
        "CuPy cannot compile: Failure finding libnvrtc.so.13"
    }
