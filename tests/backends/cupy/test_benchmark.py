"""The GPU benchmark runs: on the twin, and with a stand-in for CuPy and PyTorch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from freqopt.backends.cupy import _gpu

from .stand_in import CUDARuntimeError
from .twins import needs_compiler

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "gpu.py"


def ran(*command):
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@needs_compiler
def test_it_runs_on_the_twin_and_writes_the_page(tmp_path):
    out = ran(SCRIPT, "--twin", "--page", tmp_path / "page.md")
    for line in ("| row-wise AdaGrad | 8 |", "| zipf | 8 | lazy Adam |", "| squared, SGD | 0."):
        assert line in out
    assert "differ" not in out
    assert "failed" not in out
    assert (tmp_path / "page.md").read_text() == out


def test_without_a_gpu_it_says_what_is_missing():
    code = (
        "import sys; sys.modules['cupy'] = None; sys.argv = ['gpu']; "
        f"sys.path.insert(0, {str(SCRIPT.parent)!r}); import gpu; gpu.main()"
    )
    assert "Absent: the cupy backend needs CuPy" in ran("-c", code)


class Optimizer:
    """An optimizer of PyTorch, as far as the benchmark calls it."""

    def __init__(self, parameters, lr):
        (self._table,) = parameters

    def step(self):
        indices, values, shape = self._table.grad
        assert indices.shape == (1, len(values))
        assert values.shape[1:] == shape[1:]


@pytest.fixture
def gpu(monkeypatch):
    """The script as a module; PyTorch is a stand-in on a card, and JAX is not there."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    torch = ModuleType("torch")
    torch.cuda = SimpleNamespace(is_available=lambda: True, empty_cache=lambda: None)
    torch.nn = SimpleNamespace(Parameter=lambda array: SimpleNamespace(shape=array.shape))
    torch.zeros = lambda *shape, device: np.zeros(shape)
    torch.full = lambda shape, value, device: np.full(shape, value)
    torch.as_tensor = lambda array, device: np.asarray(array)
    torch.sparse_coo_tensor = lambda indices, values, shape: (indices, values, shape)
    torch.optim = SimpleNamespace(SGD=Optimizer, Adagrad=Optimizer, SparseAdam=Optimizer)
    monkeypatch.setitem(sys.modules, "torch", torch)
    import gpu
    import gpu_peers

    def demand(name):
        if name != "torch":
            raise gpu_peers.AbsentError("not installed")

    monkeypatch.setattr(gpu_peers, "_demand", demand)
    return gpu


@needs_compiler
def test_every_line_for_a_gpu_runs_on_the_stand_in(gpu, cupy):
    said = "\n".join(gpu.page(_gpu, gpu.TINY))
    assert "stand-in, 1024 GiB, CuPy 14.2.0, driver for CUDA 13.0" in said
    for name in ("PyTorch SGD", "PyTorch Adagrad", "PyTorch SparseAdam"):
        assert said.count(f"| 8 | {name} | ") == 2
    assert "| zipf | 8 | JAX | absent: not installed |" in said
    assert "absent: not installed | equal |" in said  # the loop's row
    assert said.count("equal |") == 7
    assert "differ" not in said
    assert "failed" not in said


@needs_compiler
def test_bits_that_differ_are_said(gpu, cupy, planted):
    planted("kernel", r"\(total / real\(visit\.width\)\)", "total")
    said = "\n".join(gpu.bits(_gpu, gpu.TINY))
    assert said.count("**differ**") == 1
    assert "| three steps of row-wise AdaGrad, B = 60, float32 and float64 | NumPy | **di" in said


@needs_compiler
def test_a_section_that_fails_is_named_and_the_others_go_on(gpu, cupy, monkeypatch):
    def lost(device, sizes):
        yield "| half |"
        raise CUDARuntimeError(2)

    lost.__name__ = "updates"
    monkeypatch.setattr(gpu, "updates", lost)
    said = "\n".join(gpu.page(_gpu, gpu.TINY))
    assert "| half |\n\nupdates failed: BackendError: the GPU's memory is too small for up" in said
    assert "## Whole loop" in said


@needs_compiler
def test_a_library_that_runs_out_of_memory_is_named(gpu, cupy, monkeypatch):
    def short(self):
        raise RuntimeError("CUDA out of memory.\nTried to allocate 20 MiB")

    monkeypatch.setattr(Optimizer, "step", short)
    said = "\n".join(gpu.steps(_gpu, gpu.TINY))
    assert "| zipf | 8 | lazy Adam | " in said
    assert "| zipf | 8 | PyTorch | absent: CUDA out of memory. | | | |" in said


@needs_compiler
def test_the_bytes_of_an_update_are_counted(gpu):
    from freqopt.backends.cupy import _twin

    batch = gpu.arrays(_twin, gpu.TINY, 8, "distinct")
    rows = gpu.TINY.batch
    assert np.unique(batch[1]).size == rows
    moved = {name: gpu.Step(_twin, name, *batch).useful // rows for name in gpu.RULES}
    assert moved["SGD"] == 3 * 4 * 8
    assert moved["row-wise AdaGrad"] == 3 * 4 * 8 + 2 * 4
    assert moved["AdaGrad"] == 5 * 4 * 8
    same = (batch[0], np.zeros_like(batch[1]), batch[2])
    assert gpu.Step(_twin, "SGD", *same).useful == 4 * 8 * (rows + 2)
