"""The GPU through CuPy: arrays, compiled modules and launches. `_twin` has the same names.

Compiled by NVRTC without fused multiply-add; division and square root are correctly rounded and
subnormal numbers kept, which are CUDA's defaults.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.backends.cupy._source import Source
from freqopt.errors import BackendError

OPTIONS = ("--std=c++17", "--fmad=false")
OLDEST = 70
"""Compute capability x 10: lanes of a warp can meet by themselves from here on."""
WRONG_BUILD = (
    "It may be built for another CUDA: nvidia-smi shows the driver's. Uninstall every cupy "
    "package, then pip install 'cupy-cuda13x[ctk]' or 'cupy-cuda12x[ctk]', whichever fits"
)
THREADS, SHARED, WAVES = 256, 48 * 1024, 16
LANES = None
"""Threads that share a row: as many as it needs."""


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
            f"CuPy is installed and does not load: {error}. {WRONG_BUILD}"
        ) from error
    try:
        found = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise BackendError(
            f"CuPy {cupy.__version__} finds no usable GPU: {error}. Check that nvidia-smi lists "
            "one, and that its driver is new enough for CuPy's CUDA "
            f"{cupy.cuda.runtime.runtimeGetVersion() // 1000}; or use the numba backend"
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
        cupy = _cupy()
        self.lanes = source.lanes
        self._module = cupy.RawModule(code=source.text, options=OPTIONS)
        try:
            self._module.compile()
        except cupy.cuda.compiler.CompileException as error:
            raise BackendError(f"NVRTC refuses the kernel source: {str(error)[:2000]}") from error
        except RuntimeError as error:  # no libnvrtc, or an older one than this GPU
            raise BackendError(f"CuPy cannot compile: {error}. {WRONG_BUILD}") from error
        self._processors = cupy.cuda.Device().attributes["MultiProcessorCount"]

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
        given = tuple(_argument(value) for value in arguments)
        self._module.get_function(name)(
            (blocks,), (groups * self.lanes,), given, shared_mem=scratch * groups
        )


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
    """Say what to do where the GPU's memory is too small for what is done inside."""
    cupy = _cupy()
    try:
        yield
    except cupy.cuda.memory.OutOfMemoryError as error:
        cupy.get_default_memory_pool().free_all_blocks()
        raise BackendError(
            f"the GPU's memory is too small for {what}: {error}. Take fewer runs at once, a "
            "smaller table or batch, or float32; or use the numba backend"
        ) from error
