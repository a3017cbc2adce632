"""What is said where CuPy, a driver, a GPU or its memory is missing: with a CuPy of our own."""

from __future__ import annotations

import builtins
import sys

import numpy as np
import pytest

from freqopt.backends.cupy import CupyBackend, _gpu, _twin, chosen_device, step
from freqopt.backends.cupy._source import CudaSource, _file, step_source
from freqopt.errors import BackendError, DeviceError
from freqopt.optimizers import rules

from .stand_in import CompileException, CUDADriverError, CUDARuntimeError, OutOfMemoryError
from .twins import needs_compiler


def failing(error):
    """A function that raises."""

    def fail(*_given, **_more):
        raise error

    return fail


def test_cupy_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(BackendError, match=r'needs CuPy: pip install ".\[cuda13\]"'):
        CupyBackend()


def test_cupy_is_installed_and_does_not_load(monkeypatch):
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    real = builtins.__import__

    def imported(name, *rest):
        if name == "cupy":
            raise ImportError("\n=====\nlibcublas.so.12: cannot open\n=====")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", imported)
    with pytest.raises(BackendError, match=r"load: libcublas.so.12: cannot open\. .*cupy-cuda12x"):
        CupyBackend()


@pytest.mark.parametrize(
    ("driver", "status", "message"),
    [
        (0, 35, r"CuPy 14\.2\.0 finds no usable GPU: .*There is no NVIDIA driver"),
        (12040, 35, r"is for CUDA 12 and this CuPy for CUDA 13: .*\[cuda12\]"),
        (13020, 100, r"no CUDA-capable device.* nvidia-smi lists one, and that CUDA_VISIBLE"),
    ],
)
def test_a_driver_that_is_absent_or_older_or_shows_nothing(cupy, driver, status, message):
    cupy.cuda.runtime.getDeviceCount = failing(CUDARuntimeError(status))
    cupy.cuda.runtime.driverGetVersion = lambda: driver
    with pytest.raises(BackendError, match=message):
        CupyBackend()


def test_no_gpu(cupy):
    cupy.cuda.runtime.getDeviceCount = lambda: 0
    with pytest.raises(BackendError, match="there is no GPU"):
        CupyBackend()


def test_a_gpu_that_is_too_old(cupy):
    cupy.capability = "61"
    with pytest.raises(BackendError, match=r"capability 6\.1, and 7\.0 is the oldest"):
        CupyBackend()


@pytest.mark.parametrize(
    ("capability", "message"),
    [
        ("70", r"7\.0, .*CUDA 13 knows 7\.5, .*an older CuPy \(the extras cuda12"),
        ("130", "a newer"),
    ],
)
def test_a_gpu_that_the_compiler_does_not_know(cupy, capability, message):
    cupy.capability = capability
    with pytest.raises(DeviceError, match=message):
        _gpu.Module(step_source(rules["sgd"](), np.float32, 4))


def test_a_source_that_cannot_be_compiled(cupy):
    with pytest.raises(BackendError, match=r"refuses the kernel source: freqopt.cu\(3\): error"):
        _gpu.Module(CudaSource("#error", 32))
    assert not cupy.programs  # nothing is left with NVRTC


def test_a_compiler_that_is_not_there(cupy):
    cupy.cuda.nvrtc.getSupportedArchs = failing(RuntimeError("Failure finding libnvrtc.so.13"))
    with pytest.raises(DeviceError, match=r"Failure finding libnvrtc\.so\.13\. .*another CUDA"):
        _gpu.Module(CudaSource("", 32))


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (OutOfMemoryError(8, 9), BackendError, r"too small for some runs: .* 8 bytes"),
        (CUDADriverError(2), BackendError, "too small for some runs"),
        (CUDADriverError(701), BackendError, "refuses some runs: cudaErrorLaunchOutOfResources"),
        (CUDARuntimeError(700), DeviceError, "failed at some runs: cudaErrorIllegalAddress.*dmesg"),
        (CompileException("no cuda_fp16.h", "", "", ()), DeviceError, r"no cuda_fp16\.h.*\[ctk\]"),
    ],
)
def test_what_is_said_where_the_gpu_fails(cupy, error, kind, message):
    cupy.waiting = error if "Illegal" in str(error) else None  # this one stays
    with pytest.raises(BackendError, match=message) as caught, _gpu.room("some runs"):
        raise error
    assert type(caught.value) is kind
    assert bool(cupy.freed) == ("too small" in message)  # so that fewer runs have a chance


@needs_compiler
def test_a_step_for_which_memory_is_too_small_changes_nothing(cupy):
    rule, table = rules["adagrad"](), cupy.ones((5, 4), np.float32)
    state = {"t": np.zeros((), np.int64), "v": cupy.zeros((5, 4), np.float32)}
    rows, grads = cupy.zeros(9, np.int64), cupy.ones((9, 4), np.float32)
    needs = Needs(cupy)
    step(rule, table, state, rows, grads)
    for k in range(1, needs.count()):
        before = cupy.asnumpy(table), cupy.asnumpy(state["v"]), int(state["t"])
        needs.fail_at(k)
        with pytest.raises(BackendError, match="too small for a batch of 9 x 4"):
            step(rule, table, state, rows, grads)
        assert (cupy.asnumpy(table) == before[0]).all()
        assert (cupy.asnumpy(state["v"]) == before[1]).all()
        assert int(state["t"]) == before[2]


class Needs:
    """Counts allocations, and refuses the k-th from now on."""

    def __init__(self, cupy):
        self._new, self._left, self._seen = cupy._new, None, 0
        cupy._new = self

    def __call__(self, values):
        self._seen += 1
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                raise OutOfMemoryError(values.nbytes, 0)
        return self._new(values)

    def count(self):
        return self._seen

    def fail_at(self, k):
        self._left = k


@needs_compiler
def test_a_row_that_is_too_wide(cupy):
    module = _gpu.Module(step_source(rules["sgd"](), np.float32, 4, lanes=32))
    with pytest.raises(BackendError, match=r"needs 80000 bytes of shared memory and a block has"):
        module.launch("apply", 10, 80_000)
    assert cupy.launches == []


PROBE = "typedef float real;\n#define LANES 32\n#define VECTOR 4\n{}\nENTRY probe({}) {{}}\n"


@needs_compiler
@pytest.mark.parametrize(
    ("items", "blocks", "threads"), [(5, 5, 32), (10**9, 1600, 256), (0, 1, 32)]
)
def test_a_launch_has_whole_warps_and_arguments_of_64_bits(cupy, items, blocks, threads):
    text = PROBE.format(_file("source/machine.cuh"), "i64 a, double b, const real* c, i64 d")
    _gpu.Module(CudaSource(text, 32)).launch("probe", items, 100, 3, 0.5, None, True)
    shared = threads // 32 * 112  # 100 bytes, in units of 16
    assert cupy.launches == [("probe", blocks, threads, shared)]


@needs_compiler
@pytest.mark.parametrize("wanted", ["1", "0"])
def test_the_twin_takes_the_gpus_place_only_when_asked_to(cupy, monkeypatch, wanted):
    monkeypatch.setenv("FREQOPT_CUDA_TWIN", wanted)
    assert chosen_device() is (_twin if wanted == "1" else _gpu)


@needs_compiler
def test_a_step_is_taken_on_the_twin_where_it_is_asked_for(monkeypatch):
    monkeypatch.setenv("FREQOPT_CUDA_TWIN", "1")
    rule, tables = rules["sgd"](lr=0.1), [np.ones((3, 4), np.float32) for _ in range(2)]
    batch = np.array([0, 2, 0]), np.full((3, 4), 0.5, np.float32)
    for take, table in zip((rule.step, lambda *all_: step(rule, *all_)), tables, strict=True):
        take(table, rule.init(table), *batch)
    assert tables[0].tobytes() == tables[1].tobytes() != np.ones((3, 4), np.float32).tobytes()


def test_a_twin_without_a_compiler_is_refused_at_once(monkeypatch):
    monkeypatch.setenv("FREQOPT_CUDA_TWIN", "1")
    monkeypatch.setattr(_twin, "compiler", failing(BackendError("needs a C++20 compiler")))
    with pytest.raises(BackendError, match=r"C\+\+20"):
        CupyBackend()


def test_a_compiler_that_is_none_is_refused_not_passed_over(monkeypatch):
    monkeypatch.setenv("CXX", "g++ '")
    with pytest.raises(BackendError, match='CXX is "g\\+\\+ \'", which is no program'):
        _twin.compiler.__wrapped__()
