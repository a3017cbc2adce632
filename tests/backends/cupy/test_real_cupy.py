"""The real CuPy, where it is installed: it has what `_gpu` calls, with the stand-in's signatures.

None of this needs a GPU.
"""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

from freqopt.backends.cupy import _gpu, _nvrtc
from freqopt.backends.cupy._source import step_source
from freqopt.optimizers import rules

from .stand_in import StandIn, ndarray

real = pytest.importorskip("cupy", reason="CuPy's own signatures need the extra 'cuda13'")

CALLED = (
    "asarray", "asnumpy", "arange", "cumsum", "empty", "empty_like", "full", "ones", "zeros",
    "get_default_memory_pool", "ndarray.any", "ndarray.sort",
    "cuda.MemoryPointer.copy_from_device_async", "cuda.get_current_stream",
    "cuda.Module.load", "cuda.Module.get_function",
    "cuda.nvrtc.createProgram", "cuda.nvrtc.compileProgram", "cuda.nvrtc.getCUBIN",
    "cuda.nvrtc.getProgramLog", "cuda.nvrtc.destroyProgram", "cuda.nvrtc.getVersion",
    "cuda.nvrtc.getSupportedArchs", "cuda.runtime.getDeviceCount",
    "cuda.runtime.getDeviceProperties", "cuda.runtime.runtimeGetVersion",
    "cuda.runtime.driverGetVersion", "cuda.runtime.deviceSynchronize",
)  # fmt: skip
ERRORS = {
    "cuda.memory.OutOfMemoryError": MemoryError,
    "cuda.runtime.CUDARuntimeError": RuntimeError,
    "cuda.driver.CUDADriverError": RuntimeError,
    "cuda.nvrtc.NVRTCError": RuntimeError,
    "cuda.compiler.CompileException": Exception,
}


def found(module, path):
    for name in path.split("."):
        module = getattr(module() if name in ("load", "get_function") else module, name)
    return module


def parameters(function):
    """Names of the parameters; of a compiled function from the first line of its documentation."""
    try:
        return [name for name in inspect.signature(function).parameters if name != "self"]
    except (TypeError, ValueError):
        (inside,) = re.match(r"[^(]*\((.*?)\)", inspect.getdoc(function)).groups()
        words = [re.split("=| = ", part)[0].split()[-1] for part in inside.split(",") if part]
        return [word for word in words if word not in ("self", "*")]


@pytest.mark.parametrize("path", CALLED)
def test_its_signatures_are_cupys(path):
    ours = parameters(found(StandIn(), path))
    assert ours == parameters(found(real, path))


@pytest.mark.parametrize("path", ERRORS)
def test_its_errors_are_cupys(path):
    for module in (StandIn(), real):
        assert issubclass(found(module, path), ERRORS[path])
        assert found(module, "cuda.runtime.CUDARuntimeError")(2).status == _gpu.NO_MEMORY


def test_what_else_is_used_is_there():
    assert callable(real.cuda.Stream.synchronize)
    assert callable(real.get_default_memory_pool().free_all_blocks)
    for name in ("id", "compute_capability", "attributes"):
        assert hasattr(real.cuda.Device, name)
    for name in ("shape", "dtype", "size", "ndim", "nbytes", "flags", "data", "reshape"):
        assert hasattr(real.ndarray, name)
        assert hasattr(ndarray, name)


@pytest.mark.parametrize("architecture", [80, 90])
def test_nvrtc_compiles_without_fusing_or_flushing(architecture):
    nvrtc = real.cuda.nvrtc
    text = step_source(rules["adam"](), np.float32, 64).text
    try:
        assert _nvrtc.compiled(nvrtc, text, architecture).startswith(b"\x7fELF")
    except RuntimeError as error:
        pytest.skip(f"no NVRTC: {error}")
    program = nvrtc.createProgram(text, "freqopt.cu", (), ())
    nvrtc.compileProgram(program, (*_nvrtc.OPTIONS, f"--gpu-architecture=sm_{architecture}"))
    assembly = nvrtc.getPTX(program)
    nvrtc.destroyProgram(program)
    for wrong in (b".ftz", b"fma.rn", b".approx"):
        assert wrong not in assembly
