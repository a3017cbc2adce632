"""Tuples whose length the compiler knows: straight code instead of loops over short lists."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from numba import types
from numba.core import cgutils

from freqopt.backends.numba.jit._memory import intrinsic


@cache
def entries(n: int) -> Callable[..., Any]:
    """A compiled function (address): the n int64 there, as a tuple."""

    @intrinsic
    def load(typing: Any, address: Any) -> Any:
        kind = types.UniTuple(types.int64, n)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            number = context.get_value_type(types.int64)
            start = builder.inttoptr(arguments[0], number.as_pointer())
            found = [builder.load(cgutils.gep_inbounds(builder, start, k)) for k in range(n)]
            return context.make_tuple(builder, kind, found)

        return kind(types.intp), generate

    return load


@intrinsic
def each(typing: Any, function: Any, shared: Any, items: Any) -> Any:
    """The tuple of function(shared, item) for the items of a tuple, from the first to the last."""
    calls = [typing.resolve_function_type(function, (shared, item), {}) for item in items]
    kind = types.BaseTuple.from_types([call.return_type for call in calls])

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, common, given = arguments
        found = [
            context.get_function(function, call)(builder, (common, builder.extract_value(given, k)))
            for k, call in enumerate(calls)
        ]
        return context.make_tuple(builder, kind, found)

    return kind(function, shared, items), generate


@intrinsic
def distinct(typing: Any, numbers: Any) -> Any:
    """Whether no two integers of a tuple are equal."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given = cgutils.unpack_tuple(builder, arguments[0])
        met = cgutils.false_bit
        for k, one in enumerate(given):
            for other in given[:k]:
                met = builder.or_(met, builder.icmp_signed("==", one, other))
        return builder.not_(met)

    return types.boolean(numbers), generate


def fold_values(builder: Any, values: list[Any]) -> Any:
    """LLVM code that adds numbers in the order of `freqopt.streams.fold`."""
    values = list(values)
    while len(values) > 1:
        half = 1 << (len(values) - 1).bit_length() - 1
        for k in range(half, len(values)):
            values[k - half] = builder.fadd(values[k - half], values[k])
        values = values[:half]
    return values[0]
