"""Compilation: one set of flags for every kernel, and a disk cache that cannot go stale.

Flags: no fast maths, no contraction to fused multiply-add (LLVM's default, left alone), division
as NumPy's, the interpreter lock released. So an expression has the bits that NumPy gives it.

Numba's own disk cache notices a change in a function but not in the functions it calls, and does
not recognise a closure over another compiled function in the next process. Ours therefore names
its directory by a hash of every source that can be compiled in, and its files by what was asked
for; there is no index. It can be deleted at any time. Since unpickling runs code, only files are
read that nobody but the caller could have written.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import llvmlite
import numba
from numba.core import config
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.runtime import rtsys
from numba.core.serialize import dumps

from freqopt.backends._private import private, read_private
from freqopt.backends.numba._pipeline import Inner, Outer
from freqopt.errors import BackendError

if config.DISABLE_JIT:
    raise BackendError(
        "NUMBA_DISABLE_JIT is set, so that nothing is compiled; unset it, or choose the backend "
        "numpy, which has the same numbers"
    )

Function = TypeVar("Function", bound=Callable[..., Any])

OPTIONS: dict[str, Any] = {
    "error_model": "numpy",
    "fastmath": False,
    "nogil": True,
    "no_cfunc_wrapper": True,  # nobody calls from C
}
INNER: dict[str, Any] = {
    **OPTIONS,
    "pipeline_class": Inner,
    "no_cpython_wrapper": True,
    "_nrt": False,  # no reference is counted: whoever calls from Python holds the arrays
}
DAYS_KEPT = 14
"""Days without use after which the kernels of other sources are deleted."""
COMPILED_IN = ("backends", "kernels", "optimizers", "problems", "streams")
"""Packages whose source text can reach a kernel, as code or as a constant."""


def compiled(function: Function) -> Function:
    """Compile a function that other kernels call; it is stored as part of them."""
    return numba.njit(**INNER)(function)


def inlined(function: Function) -> Function:
    """The same, made part of its caller always: an array costs seven arguments in a call."""
    return numba.njit(**INNER, forceinline=True)(function)


def entry(key: str) -> Callable[[Function], Function]:
    """Compile a function that Python calls, and keep it on disk under `key`.

    Parameters
    ----------
    key : str
        Everything that decides the code beside the sources and the types of the arguments: which
        kernels were composed, with which options.
    """

    def compile_and_keep(function: Function) -> Function:
        dispatcher = numba.njit(**OPTIONS, pipeline_class=Outer)(function)
        dispatcher._cache = _DiskCache(key)
        return dispatcher

    return compile_and_keep


def at_hand(kernel: Any, kinds: tuple[Any, ...]) -> bool:
    """Whether a kernel for arguments of these types is in memory or on disk."""
    return kinds in kernel.overloads or kernel._cache.holds(kinds, kernel.targetctx)


def name_of(kernel: Any, kinds: tuple[Any, ...]) -> str:
    """What distinguishes a kernel for arguments of these types from all others."""
    return f"{kernel._cache.key} {kinds}"


@contextlib.contextmanager
def alone(key: str) -> Iterator[bool]:
    """Whether no other process is compiling `key`; until the end none will.

    Where there are no file locks, nobody is in the way.
    """
    path = cache_directory() / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.lock"
    with contextlib.ExitStack() as stack:
        try:
            import fcntl

            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = stack.enter_context(path.open("w"))
        except (ImportError, OSError):
            yield True
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


@cache
def cache_directory() -> Path:
    """Where compiled kernels are kept: the user's cache, a folder for these very sources."""
    try:
        home = Path.home()
    except RuntimeError:
        home = Path()
    if not home.is_absolute():  # nobody's: nothing can be kept
        home = Path(os.devnull)
    given = os.environ.get("XDG_CACHE_HOME", "")
    if Path(given).is_absolute():  # the standard has others ignored
        base = Path(given)
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    else:
        base = home / ".cache"
    folder = base / "freqopt" / f"numba-{_source_hash()}"
    _prune(folder)
    return folder


def _prune(folder: Path) -> None:
    """Mark a folder as used today, and delete those of other sources that nobody used for long."""
    oldest = time.time() - 86400 * DAYS_KEPT
    with contextlib.suppress(OSError):
        for other in folder.parent.glob("numba-*"):
            if other == folder:
                os.utime(folder)
            elif other.stat().st_mtime < oldest:
                shutil.rmtree(other, ignore_errors=True)


def _source_hash() -> str:
    """A hash of the sources, of the versions of Python and the compiler, and of its settings."""
    root = Path(__file__).parents[2]
    versions = (platform.python_version(), numba.__version__, llvmlite.__version__)
    settings = (config.OPT, config.BOUNDSCHECK, config.LOOP_VECTORIZE, config.SLP_VECTORIZE)
    digest = hashlib.sha256(repr((versions, [str(value) for value in settings])).encode())
    for package in COMPILED_IN:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


class _DiskCache(_Cache):  # type: ignore[misc]
    """One file per key, signature and processor: a checksum and Numba's own serialisation.

    A file appears whole or not at all, so an interrupted compilation leaves nothing behind. Where
    files cannot be written, kernels are compiled anew in every process.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self._enabled = True
        self._names: dict[Any, str] = {}

    @property
    def cache_path(self) -> str:
        return str(cache_directory())

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def flush(self) -> None:
        """Nothing is held in memory."""

    def holds(self, sig: Any, target_context: Any) -> bool:
        """Whether there is a file; it may still prove damaged."""
        path = self._file(sig, target_context.codegen())
        return path is not None and path.is_file()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The kernel, or None.

        Of Numba only what the machine code calls is made ready. All that a compilation may call
        in (`target_context.refresh`) takes a fifth of a second to import, and waits for one.
        """
        path = self._file(sig, target_context.codegen())
        stored = b"" if path is None else read_private(path)
        checksum, payload = stored[:32], stored[32:]
        if hashlib.sha256(payload).digest() != checksum:
            return None
        rtsys.initialize(target_context)
        return CompileResult._rebuild(target_context, *pickle.loads(payload))

    def save_overload(self, sig: Any, data: Any) -> None:
        path = self._file(sig, data.codegen)
        if path is None or data.library.has_dynamic_globals:
            return
        payload = dumps(data._reduce())
        with contextlib.suppress(OSError):
            handle, unfinished = tempfile.mkstemp(dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(payload).digest() + payload)
                Path(unfinished).replace(path)
            except BaseException:
                Path(unfinished).unlink()
                raise

    def _file(self, sig: Any, codegen: Any) -> Path | None:
        """Where the kernel is, or is to be; None where nothing can be kept, or be trusted."""
        folder = private(cache_directory()) if self._enabled else None
        if folder is None:
            return None
        if sig not in self._names:
            asked = repr((self.key, sig, codegen.magic_tuple()))
            self._names[sig] = f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}.nbc"
        return folder / self._names[sig]
