"""The GPU through CuPy: arrays, compiled modules and launches. `_twin` has the same names.

Compiled by NVRTC without fused multiply-add; division and square root are correctly rounded and
subnormal numbers kept. `cupy.RawModule` cannot promise the last: it adds -ftz=true behind whatever
options it is given, and the last one counts. So NVRTC is called here, and CuPy loads what it made.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.backends.cupy._source import Source
from freqopt.backends.numba._compile import cache_directory
from freqopt.errors import BackendError, DeviceError

OPTIONS = ("--std=c++17", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true")
OLDEST = 70
"""Compute capability x 10: lanes of a warp can meet by themselves from here on."""
WRONG_BUILD = (
    "It may be built for another CUDA: nvidia-smi shows the driver's. Uninstall every cupy "
    "package, then pip install 'cupy-cuda13x[ctk]' or 'cupy-cuda12x[ctk]', whichever fits"
)
NO_MEMORY = 2
"""cudaErrorMemoryAllocation, CUDA_ERROR_OUT_OF_MEMORY."""
SEAL = 32
"""Bytes of the hash before what is kept of a kernel."""
THREADS, SHARED, WAVES = 256, 48 * 1024, 16
LANES = None
"""Threads that share a row: as many as it needs."""


@cache
def _cupy() -> Any:
    """CuPy, with a GPU that it can use."""
    try:
        import cupy
    except ModuleNotFoundError as error:
        if error.name != "cupy":
            raise
        raise BackendError(
            "the cupy backend needs CuPy: pip install 'freqopt[cuda13]' (CUDA 13) or "
            "'freqopt[cuda12]' (CUDA 12); without a GPU use the numba backend"
        ) from error
    except ImportError as error:
        raise BackendError(
            f"CuPy is installed and does not load: {_line(error)}. {WRONG_BUILD}"
        ) from error
    try:
        found = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise BackendError(
            f"CuPy {cupy.__version__} finds no usable GPU: {error}. {_remedy(cupy)}; or use the "
            "numba backend"
        ) from error
    if found == 0:
        raise BackendError("there is no GPU; use the numba backend")
    capability = int(cupy.cuda.Device().compute_capability)
    if capability < OLDEST:
        raise BackendError(
            f"this GPU has compute capability {capability / 10}, and {OLDEST / 10} is the oldest "
            "that works; use the numba backend"
        )
    return cupy


def _line(error: Exception) -> str:
    """What an error says, in one line: CuPy draws boxes."""
    return " ".join(str(error).replace("=", " ").split())[:500]


def _remedy(cupy: Any) -> str:
    """What to do where CuPy finds no GPU."""
    runtime = cupy.cuda.runtime
    driver, build = runtime.driverGetVersion() // 1000, runtime.runtimeGetVersion() // 1000
    if driver == 0:
        return "There is no NVIDIA driver: install one, and check that nvidia-smi lists the GPU"
    if driver < build:
        return (
            f"The driver is for CUDA {driver} and this CuPy for CUDA {build}: update the driver, "
            f"or uninstall every cupy package, then pip install 'freqopt[cuda{driver}]'"
        )
    return "Check that nvidia-smi lists one, and that CUDA_VISIBLE_DEVICES does not hide it"


def __getattr__(name: str) -> Any:
    if name == "xp":
        return _cupy()
    raise AttributeError(name)


class Module:
    """The kernels of one source.

    Raises
    ------
    BackendError
        There is no GPU, or its compiler refuses the source.
    """

    def __init__(self, source: Source) -> None:
        cuda = _cupy().cuda
        self.lanes = source.lanes
        self._kernels: dict[str, Any] = {}
        with room("the kernels"):
            self._module = cuda.Module()
            self._module.load(_machine_code(cuda.nvrtc, source.text))
            self._processors = cuda.Device().attributes["MultiProcessorCount"]

    def launch(self, name: str, items: int, scratch: int, *arguments: Any) -> None:
        """Start a kernel, see `_twin.Module.launch`; it runs while Python goes on.

        Raises
        ------
        BackendError
            The lanes of one group share more memory than a block has.
        """
        scratch += -scratch % 16
        groups = THREADS // self.lanes
        while scratch * groups > SHARED and groups * self.lanes > 32:
            groups //= 2
        if scratch * groups > SHARED:
            raise BackendError(
                f"a row needs {scratch * groups} bytes of shared memory and a block has {SHARED}; "
                "the table is too wide for the GPU, use the numba backend"
            )
        while groups * self.lanes > 32 and items < groups * self._processors:
            groups //= 2  # few items: spread them over the processors
        blocks = max(1, min(-(-items // groups), WAVES * self._processors))
        if name not in self._kernels:
            self._kernels[name] = self._module.get_function(name)
        given = tuple(_argument(value) for value in arguments)
        self._kernels[name]((blocks,), (groups * self.lanes,), given, shared_mem=scratch * groups)


def _argument(value: Any) -> Any:
    if value is None:
        return np.uintp(0)
    if isinstance(value, float):
        return np.float64(value)
    return np.int64(value) if isinstance(value, int | np.integer) else value


def _machine_code(nvrtc: Any, text: str) -> bytes:
    """A source compiled for this GPU, from the cache or now."""
    try:
        architecture = _architecture(nvrtc)
        about = (text, OPTIONS, architecture, nvrtc.getVersion())
    except RuntimeError as error:  # no libnvrtc
        raise DeviceError(f"CuPy cannot compile: {_line(error)}. {WRONG_BUILD}") from error
    name = hashlib.sha256(repr(about).encode()).hexdigest()[:32]
    path = cache_directory().parent / "cuda" / f"{name}.cubin"
    with suppress(OSError):
        seal, code = (stored := path.read_bytes())[:SEAL], stored[SEAL:]
        if hashlib.sha256(code).digest() == seal:
            return code
    code = _compiled(nvrtc, text, architecture)
    with suppress(OSError):  # where nothing can be kept, every process compiles
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, scratch = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(code).digest() + code)
        Path(scratch).replace(path)
    return code


def _architecture(nvrtc: Any) -> int:
    """The newest that NVRTC compiles for and that this GPU can run: of its own generation."""
    capability, known = int(_cupy().cuda.Device().compute_capability), nvrtc.getSupportedArchs()
    fitting = [a for a in known if a // 10 == capability // 10 and a <= capability]
    if not fitting:
        build = _cupy().cuda.runtime.runtimeGetVersion() // 1000
        other = "an older" if capability < min(known) else "a newer"
        raise DeviceError(
            f"this GPU has compute capability {capability / 10}, and the compiler that CuPy found "
            f"for CUDA {build} knows {', '.join(str(a / 10) for a in known)}; install {other} CuPy "
            f"('freqopt[cuda12]', 'freqopt[cuda13]'), or use the numba backend"
        )
    return max(fitting)


def _compiled(nvrtc: Any, text: str, architecture: int) -> bytes:
    """What NVRTC makes of a source."""
    program = nvrtc.createProgram(text, "freqopt.cu", (), ())
    try:
        nvrtc.compileProgram(program, (*OPTIONS, f"--gpu-architecture=sm_{architecture}"))
        return nvrtc.getCUBIN(program)
    except nvrtc.NVRTCError as error:
        log = nvrtc.getProgramLog(program)[:2000]
        raise BackendError(f"NVRTC refuses the kernel source: {log} ({error})") from error
    finally:
        nvrtc.destroyProgram(program)


def address(array: Any) -> int:
    """Where an array begins in the GPU's memory."""
    return int(array.data.ptr)


def to_host(array: Any) -> NDArray[Any]:
    """An array where Python can read it; waits for what is being computed."""
    return _cupy().asnumpy(array)


def wait() -> None:
    """Until everything that was launched is done."""
    _cupy().cuda.get_current_stream().synchronize()


@contextmanager
def room(what: str) -> Iterator[None]:
    """Say what to do where the GPU's memory is too small for what is done inside, or it fails.

    Raises
    ------
    BackendError
        There is too little memory: less may fit.
    DeviceError
        Nothing that this process tries on the GPU can succeed.
    """
    cupy = _cupy()
    cuda = cupy.cuda
    try:
        yield
    except cuda.memory.OutOfMemoryError as error:
        raise _too_small(what, error) from error
    except (cuda.runtime.CUDARuntimeError, cuda.driver.CUDADriverError) as error:
        if error.status == NO_MEMORY:
            raise _too_small(what, error) from error
        if not _lost(cuda):
            raise BackendError(
                f"the GPU refuses {what}: {error}. Please report this; use the numba backend"
            ) from error
        raise DeviceError(
            f"the GPU failed at {what}: {error}. This process cannot use it any more, and what was "
            "finished is kept: check nvidia-smi and the system's log (dmesg), then run again, or "
            "use the numba backend"
        ) from error
    except cuda.compiler.CompileException as error:
        raise DeviceError(
            f"CuPy cannot compile kernels of its own: {_line(error)}. {WRONG_BUILD}"
        ) from error


def _lost(cuda: Any) -> bool:
    """Whether an error stays, so that every further call fails."""
    try:
        cuda.runtime.deviceSynchronize()
    except cuda.runtime.CUDARuntimeError:
        return True
    return False


def _too_small(what: str, error: Exception) -> BackendError:
    _cupy().get_default_memory_pool().free_all_blocks()
    return BackendError(
        f"the GPU's memory is too small for {what}: {error}. Take fewer runs at once, a "
        "smaller table or batch, or float32; or use the numba backend"
    )
