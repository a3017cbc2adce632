"""Calls from kernel to kernel by address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def types_of(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Numba's types of some values."""
    return tuple(numba.typeof(argument) for argument in arguments)


def address_of(kernel: Any, kinds: tuple[Any, ...]) -> int:
    """Where the machine code of a kernel (`_compile.entry`) for these types is."""
    kernel.compile(kinds)
    compiled = kernel.overloads[kinds]
    address: int = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    return address


def caller(kinds: tuple[Any, ...]) -> Callable[..., None]:
    """A compiled function (address, arguments): calls the kernel for these types that is there."""

    @intrinsic  # type: ignore[untyped-decorator]
    def call(typing: Any, address: Any, arguments: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            convention = context.call_conv
            function_type = convention.get_function_type(types.none, kinds)
            callee = builder.inttoptr(values[0], function_type.as_pointer())
            given = [
                context.cast(builder, builder.extract_value(values[1], k), have, want)
                for k, (have, want) in enumerate(zip(arguments, kinds, strict=True))
            ]
            status, _ = convention.call_function(builder, callee, types.none, kinds, given)
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return context.get_dummy_value()

        return types.void(types.intp, arguments), generate

    return call
