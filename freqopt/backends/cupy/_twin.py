"""The CPU twin: the CUDA source compiled as C++, so that every kernel runs without a GPU.

Arrays are NumPy's. A group's lanes are threads of the processor that meet at a barrier, as the
lanes of a warp meet at `__syncwarp`; with one lane a kernel is an ordinary function.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.backends._private import is_private, private
from freqopt.backends.cupy._nvrtc import refusal
from freqopt.backends.cupy._source import CudaSource
from freqopt.backends.numba.jit._cache import cache_directory
from freqopt.errors import BackendError

FLAGS = ("-std=c++20", "-O0", "-ffp-contract=off", "-fno-fast-math", "-shared", "-fPIC", "-pthread")
LANES = 1
"""Threads that share a row by default."""
SHARED = 48 * 1024
"""Bytes of memory that 32 threads share, as on a GPU."""
xp = np
"""Where arrays come from."""


class Module:
    """The kernels of one source.

    Parameters
    ----------
    source : CudaSource

    Raises
    ------
    BackendError
        There is no C++ compiler, or it refuses the source.
    """

    def __init__(self, source: CudaSource) -> None:
        self.lanes = source.lanes
        self._library = ctypes.CDLL(str(_built(source.text)))

    def launch(self, name: str, items: int, scratch: int, *arguments: Any) -> None:  # noqa: ARG002
        """Run a kernel to its end.

        Parameters
        ----------
        name : str
        items : int
            How many there are to visit; the groups share them.
        scratch : int
            Bytes of memory that a group's lanes share.
        *arguments
            Arrays, whole numbers and floats, in the kernel's order; None for a null pointer.
        """
        kernel = self._library[name]
        kernel.restype = None
        given = [_argument(value) for value in arguments]
        memory = np.empty(scratch + 16, np.uint8)
        self._library.twin_memory(ctypes.c_void_p(memory.ctypes.data + -memory.ctypes.data % 16))

        def lane(number: int) -> None:
            self._library.twin_lane(number)
            kernel(*given)

        others = [threading.Thread(target=lane, args=(k,)) for k in range(1, self.lanes)]
        for thread in others:
            thread.start()
        lane(0)
        for thread in others:
            thread.join()


def _argument(value: Any) -> Any:
    if value is None:
        return ctypes.c_void_p(None)
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.ctypes.data)
    return ctypes.c_double(value) if isinstance(value, float) else ctypes.c_longlong(int(value))


def address(array: NDArray[Any]) -> int:
    """Where an array begins in memory."""
    return array.ctypes.data


def to_host(array: NDArray[Any]) -> NDArray[Any]:
    """An array where Python can read it."""
    return array


def wait() -> None:
    """Until everything that was launched is done; `launch` has seen to that here."""


def room(what: str) -> AbstractContextManager[None]:  # noqa: ARG001
    """What `_gpu.room` does; here Python's MemoryError says it."""
    return nullcontext()


@cache
def compiler() -> str:
    """The C++ compiler: $CXX, or c++ or g++ or clang++ on the path."""
    named = os.environ.get("CXX")
    for name in [named] if named else ["c++", "g++", "clang++"]:
        found = shutil.which(name)
        if found:
            return found
    if named:
        raise BackendError(
            f"CXX is {named!r}, which is no program; name a C++20 compiler by its path alone, or "
            "unset it"
        )
    raise BackendError(
        "the CPU twin of the CUDA kernels needs a C++20 compiler and found none of c++, g++, "
        "clang++; install one, or use the numba backend"
    )


def _built(text: str) -> Path:
    """The shared library of a source, from the cache or made now."""
    digest = hashlib.sha256(repr((text, FLAGS, compiler())).encode()).hexdigest()[:32]
    place = cache_directory().parent / "twin"
    folder = private(place)
    if folder is None:
        raise BackendError(
            f"the CPU twin keeps what it compiles in {place}, which cannot be made or is not yours "
            "alone; set XDG_CACHE_HOME to a folder of your own"
        )
    target = folder / f"{digest}.so"
    if target.is_file() and is_private(target.lstat()):
        return target
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        source, library = Path(scratch) / "kernel.cpp", Path(scratch) / "kernel.so"
        source.write_text(text)
        made = subprocess.run(
            [compiler(), *FLAGS, str(source), "-o", str(library)],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise refusal(compiler(), made.stderr.replace(f"{scratch}/", ""))
        library.chmod(0o700)
        library.replace(target)
    return target
