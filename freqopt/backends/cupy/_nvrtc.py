"""NVRTC, the compiler of CUDA: source text to machine code, which is kept on disk.

No fused multiply-add; division and square root are correctly rounded, and subnormal numbers kept.
`cupy.RawModule` cannot promise the last: it adds -ftz=true behind whatever options it is given, and
the last one counts. So NVRTC is called here, and CuPy loads what it made.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from freqopt.backends._private import private, read_private
from freqopt.backends.numba.jit._cache import cache_directory
from freqopt.errors import BackendError, DeviceError

OPTIONS = ("--std=c++17", "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true")
SEAL = 32
"""Bytes of the hash before what is kept of a kernel."""
WRONG_BUILD = (
    "It may be built for another CUDA: nvidia-smi shows the driver's. Uninstall every cupy "
    "package, then pip install 'cupy-cuda13x[ctk]' or 'cupy-cuda12x[ctk]', whichever fits"
)


def machine_code(cuda: Any, text: str) -> bytes:
    """A source compiled for this GPU, from the cache or now.

    Parameters
    ----------
    cuda : module
        `cupy.cuda`.
    text : str

    Raises
    ------
    BackendError
        NVRTC refuses the source.
    DeviceError
        There is no NVRTC, or it does not know this GPU.
    """
    try:
        newest = architecture(cuda)
        about = (text, OPTIONS, newest, cuda.nvrtc.getVersion())
    except RuntimeError as error:  # no libnvrtc
        raise DeviceError(f"CuPy cannot compile: {one_line(error)}. {WRONG_BUILD}") from error
    name = hashlib.sha256(repr(about).encode()).hexdigest()[:32]
    folder = private(cache_directory().parent / "cuda")
    if folder is None:  # where nothing can be kept, every process compiles
        return compiled(cuda.nvrtc, text, newest)
    path = folder / f"{name}.cubin"
    seal, code = (stored := read_private(path))[:SEAL], stored[SEAL:]
    if hashlib.sha256(code).digest() == seal:
        return code
    code = compiled(cuda.nvrtc, text, newest)
    with suppress(OSError):
        handle, scratch = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(code).digest() + code)
        Path(scratch).replace(path)
    return code


def architecture(cuda: Any) -> int:
    """The newest that NVRTC compiles for and that this GPU can run: of its own generation."""
    known = cuda.nvrtc.getSupportedArchs()
    capability = int(cuda.Device().compute_capability)
    fitting = [a for a in known if a // 10 == capability // 10 and a <= capability]
    if not fitting:
        build = cuda.runtime.runtimeGetVersion() // 1000
        other = "an older" if capability < min(known) else "a newer"
        raise DeviceError(
            f"this GPU has compute capability {capability / 10}, and the compiler that CuPy found "
            f"for CUDA {build} knows {', '.join(str(a / 10) for a in known)}; install {other} CuPy "
            "(the extras cuda12 and cuda13), or use the numba backend"
        )
    return max(fitting)


def compiled(nvrtc: Any, text: str, newest: int) -> bytes:
    """What NVRTC makes of a source."""
    program = nvrtc.createProgram(text, "freqopt.cu", (), ())
    try:
        nvrtc.compileProgram(program, (*OPTIONS, f"--gpu-architecture=sm_{newest}"))
        return nvrtc.getCUBIN(program)
    except nvrtc.NVRTCError as error:
        raise refusal("NVRTC", nvrtc.getProgramLog(program)) from error
    finally:
        nvrtc.destroyProgram(program)


def refusal(compiler: str, log: str) -> BackendError:
    """What to say of a source that a compiler refuses; its whole log is a note of the error."""
    lines = log.splitlines()
    first = next((line for line in lines if "error" in line), lines[0] if lines else "it says none")
    error = BackendError(
        f"{compiler} refuses the kernel source: {first.strip()[:300]}. Please report this; use the "
        "numba backend"
    )
    error.add_note(log)
    return error


def one_line(error: Exception) -> str:
    """What an error says, at most 500 characters: CuPy draws boxes."""
    return " ".join(str(error).replace("=", " ").split())[:500]
