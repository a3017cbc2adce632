"""What is said where CuPy, a driver, a GPU or its memory is missing: with a CuPy of our own."""

from __future__ import annotations

import builtins
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from freqopt.backends.cupy import CupyBackend, _gpu
from freqopt.backends.cupy._source import Source
from freqopt.errors import BackendError


class CudaError(RuntimeError):
    """cupy.cuda.runtime.CUDARuntimeError."""


class CompileError(Exception):
    """cupy.cuda.compiler.CompileException."""


class NoMemoryError(MemoryError):
    """cupy.cuda.memory.OutOfMemoryError."""


@pytest.fixture
def fake(monkeypatch):
    """A CuPy with one recent GPU, whose kernels compile and do nothing."""
    launches = []

    class RawModule:
        def __init__(self, code, options):
            self.code, self.options = code, options

        def compile(self):
            pass

        def get_function(self, name):
            return lambda *given, **more: launches.append((name, given, more))

    runtime = SimpleNamespace(
        CUDARuntimeError=CudaError,
        getDeviceCount=lambda: 1,
        runtimeGetVersion=lambda: 13000,
    )
    device = SimpleNamespace(compute_capability="90", attributes={"MultiProcessorCount": 100})
    module = ModuleType("cupy")
    module.__version__ = "14.2.0"
    module.RawModule, module.launches, module.freed = RawModule, launches, []
    module.cuda = SimpleNamespace(
        runtime=runtime,
        Device=lambda: device,
        compiler=SimpleNamespace(CompileException=CompileError),
        memory=SimpleNamespace(OutOfMemoryError=NoMemoryError),
    )
    pool = SimpleNamespace(free_all_blocks=lambda: module.freed.append(True))
    module.get_default_memory_pool = lambda: pool
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


def failing(error):
    """A function that raises."""

    def fail(*_given, **_more):
        raise error

    return fail


def test_cupy_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(BackendError, match=r"needs CuPy: pip install 'freqopt\[cuda13\]'"):
        CupyBackend()


def test_cupy_is_installed_and_does_not_load(monkeypatch):
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    real = builtins.__import__

    def imported(name, *rest):
        if name == "cupy":
            raise ImportError("libcudart.so.12: cannot open shared object file")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", imported)
    with pytest.raises(BackendError, match=r"does not load: libcudart.so.12.*cupy-cuda12x\[ctk\]"):
        CupyBackend()


def test_no_driver(fake):
    fake.cuda.runtime.getDeviceCount = failing(CudaError("cudaErrorInsufficientDriver"))
    with pytest.raises(BackendError, match=r"14\.2\.0 .*InsufficientDriver.*nvidia-smi.*CUDA 13"):
        CupyBackend()


def test_no_gpu(fake):
    fake.cuda.runtime.getDeviceCount = lambda: 0
    with pytest.raises(BackendError, match="there is no GPU"):
        CupyBackend()


def test_a_gpu_that_is_too_old(fake):
    fake.cuda.Device().compute_capability = "61"
    with pytest.raises(BackendError, match=r"capability 6\.1, and 7\.0 is the oldest"):
        CupyBackend()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (CompileError("kern.cu(3): error"), r"NVRTC refuses the kernel source: kern.cu\(3\)"),
        (RuntimeError("CuPy failed to load libnvrtc.so.13"), r"libnvrtc.so.13.*another CUDA"),
    ],
)
def test_kernels_that_cannot_be_compiled(fake, error, message):
    fake.RawModule.compile = failing(error)
    with pytest.raises(BackendError, match=message):
        _gpu.Module(Source("", 32))


def test_memory_that_is_too_small(fake):
    asked = NoMemoryError("Out of memory allocating 8,000,000 bytes")
    with (
        pytest.raises(BackendError, match=r"too small for 512 runs at once: .* 8,000,000 bytes"),
        _gpu.room("512 runs at once"),
    ):
        raise asked
    assert fake.freed  # so that fewer runs have a chance


def test_a_row_that_is_too_wide(fake):
    module = _gpu.Module(Source("", 32))
    with pytest.raises(BackendError, match=r"needs 80000 bytes of shared memory and a block has"):
        module.launch("apply", 10, 80_000)
    assert fake.launches == []


@pytest.mark.parametrize(
    ("items", "blocks", "threads"), [(5, 5, 32), (10**9, 1600, 256), (0, 1, 32)]
)
def test_a_launch_has_whole_warps_and_arguments_of_64_bits(fake, items, blocks, threads):
    _gpu.Module(Source("", 32)).launch("apply", items, 100, 3, 0.5, None, True)
    ((name, (grid, block, given), more),) = fake.launches
    assert (name, grid, block) == ("apply", (blocks,), (threads,))
    assert [type(value) for value in given] == [np.int64, np.float64, np.uintp, np.int64]
    assert more == {"shared_mem": threads // 32 * 112}  # 100 bytes, in units of 16
