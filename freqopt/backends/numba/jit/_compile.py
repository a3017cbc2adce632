"""Compilation: one set of flags for every kernel.

No fast maths, no contraction to fused multiply-add (LLVM's default, left alone), division as
NumPy's, the interpreter lock released. So an expression has the bits that NumPy gives it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numba

from freqopt.backends.numba.jit._cache import DiskCache, cache_directory
from freqopt.backends.numba.jit._pipeline import Inner, Outer
from freqopt.backends.numba.jit._private import cache_of, config, is_known, keep
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
        keep(dispatcher, DiskCache(key))
        return dispatcher

    return compile_and_keep


def at_hand(kernel: Any, kinds: tuple[Any, ...]) -> bool:
    """Whether a kernel for arguments of these types is in memory or on disk."""
    return is_known(kernel, kinds)


def name_of(kernel: Any, kinds: tuple[Any, ...]) -> str:
    """What distinguishes a kernel for arguments of these types from all others."""
    return f"{cache_of(kernel).key} {kinds}"


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
