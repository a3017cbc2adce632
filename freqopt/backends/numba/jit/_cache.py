"""Compiled kernels on disk, in a cache that cannot go stale.

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
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba

from freqopt.backends._private import private, read_private
from freqopt.backends.numba.jit._private import DispatcherCache, config, pack, unpack

DAYS_KEPT = 14
"""Days without use after which the kernels of other sources are deleted."""
COMPILED_IN = ("backends", "kernels", "optimizers", "problems", "streams")
"""Packages whose source text can reach a kernel, as code or as a constant."""


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
    root = Path(__file__).parents[3]
    versions = (platform.python_version(), numba.__version__, llvmlite.__version__)
    settings = (config.OPT, config.BOUNDSCHECK, config.LOOP_VECTORIZE, config.SLP_VECTORIZE)
    digest = hashlib.sha256(repr((versions, [str(value) for value in settings])).encode())
    for package in COMPILED_IN:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


class DiskCache(DispatcherCache):  # type: ignore[misc]
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
        """The kernel, or None."""
        path = self._file(sig, target_context.codegen())
        stored = b"" if path is None else read_private(path)
        checksum, payload = stored[:32], stored[32:]
        if hashlib.sha256(payload).digest() != checksum:
            return None
        return unpack(target_context, pickle.loads(payload))

    def save_overload(self, sig: Any, data: Any) -> None:
        path = self._file(sig, data.codegen)
        payload = None if path is None else pack(data)
        if path is None or payload is None:
            return
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
