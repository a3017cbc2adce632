"""What is used of Numba that it does not promise to keep: all of it, and where it was tested.

A release may rename any of this. So `pyproject.toml` allows the releases that were tested and no
other, and every private name is imported, and every private attribute is touched, here.
"""

from __future__ import annotations

from typing import Any

from numba._dispatcher import compute_fingerprint
from numba._dynfunc import make_function
from numba.core import config
from numba.core.caching import _Cache as DispatcherCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompileResult
from numba.core.compiler_machinery import register_pass
from numba.core.runtime import rtsys
from numba.core.serialize import dumps
from numba.core.typed_passes import NativeLowering
from numba.np.arrayobj import populate_array

TESTED = ("0.62", "0.68")
"""The tests run with the last. With the first, kernels are seen to compile without contraction and
to be found again on disk. 0.61 has LLVM's older pass managers, which `optimise` cannot use."""

__all__ = [
    "TESTED",
    "Compiler",
    "DispatcherCache",
    "JITCodeLibrary",
    "NativeLowering",
    "cache_of",
    "compute_fingerprint",
    "config",
    "finish_inner",
    "is_known",
    "keep",
    "make_function",
    "optimise",
    "pack",
    "populate_array",
    "register_pass",
    "unpack",
]


def keep(dispatcher: Any, cache: DispatcherCache) -> None:
    """Give a compiled function another cache than Numba's."""
    dispatcher._cache = cache


def cache_of(dispatcher: Any) -> Any:
    """What `keep` gave."""
    return dispatcher._cache


def is_known(dispatcher: Any, kinds: tuple[Any, ...]) -> bool:
    """Whether code for arguments of these types is in memory, or its cache `holds` it."""
    return kinds in dispatcher.overloads or dispatcher._cache.holds(kinds, dispatcher.targetctx)


def pack(data: Any) -> bytes | None:
    """A compilation as bytes, if another process can use it."""
    if data.library.has_dynamic_globals:
        return None
    packed: bytes = dumps(data._reduce())
    return packed


def unpack(target_context: Any, parts: tuple[Any, ...]) -> Any:
    """The compilation of which `pack` made bytes, from what they hold.

    Of Numba only what the machine code calls is made ready. All that a compilation may call in
    (`target_context.refresh`) takes a fifth of a second to import, and waits for one.
    """
    rtsys.initialize(target_context)
    return CompileResult._rebuild(target_context, *parts)


def finish_inner(library: JITCodeLibrary) -> None:
    """Close the code of one function without making machine code of it."""
    library._finalize_dynamic_globals()
    library._finalized = True


def optimise(library: JITCodeLibrary) -> None:
    """As Numba does it, and straight code is vectorised too: loops along short rows unroll."""
    for setting in ({"slp_vectorize": False, "cost": "cheap"}, {"slp_vectorize": True}):
        manager, builder = library._codegen._module_pass_manager(**setting)
        manager.run(library._final_module, builder)
