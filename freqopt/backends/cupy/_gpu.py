"""The GPU through CuPy: arrays, compiled modules and launches. `_twin` has the same names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt._install import install
from freqopt.backends.cupy._nvrtc import WRONG_BUILD, machine_code, one_line
from freqopt.backends.cupy._source import CudaSource
from freqopt.errors import BackendError, DeviceError

OLDEST = 70
"""Compute capability x 10: lanes of a warp can meet by themselves from here on."""
NO_MEMORY = 2
"""cudaErrorMemoryAllocation, CUDA_ERROR_OUT_OF_MEMORY."""
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
            f"the cupy backend needs CuPy: {install('cuda13')}, or cuda12 for CUDA 12; without a "
            "GPU use the numba backend"
        ) from error
    except ImportError as error:
        raise BackendError(
            f"CuPy is installed and does not load: {one_line(error)}. {WRONG_BUILD}"
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


def _remedy(cupy: Any) -> str:
    """What to do where CuPy finds no GPU."""
    runtime = cupy.cuda.runtime
    driver, build = runtime.driverGetVersion() // 1000, runtime.runtimeGetVersion() // 1000
    if driver == 0:
        return "There is no NVIDIA driver: install one, and check that nvidia-smi lists the GPU"
    if driver < build:
        return (
            f"The driver is for CUDA {driver} and this CuPy for CUDA {build}: update the driver, "
            f"or uninstall every cupy package, then {install(f'cuda{driver}')}"
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

    def __init__(self, source: CudaSource) -> None:
        cuda = _cupy().cuda
        self.lanes = source.lanes
        self._kernels: dict[str, Any] = {}
        with room("the kernels"):
            self._module = cuda.Module()
            self._module.load(machine_code(cuda, source.text))
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
            f"CuPy cannot compile kernels of its own: {one_line(error)}. {WRONG_BUILD}"
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
