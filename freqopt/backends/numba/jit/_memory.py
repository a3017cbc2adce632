"""Rows of memory: the one place where kernels meet addresses.

Views of rows cost a reference count in every row, which stalls the memory pipeline, and rules
differ in how many arrays they keep beside the table. So a row is an address here, and `sweep` is
the only loop along a row: it reads one number from each row of two tuples of rows, calls a pure
function, and stores what it returns. LLVM inlines the function and vectorises the loop.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

from llvmlite import ir
from llvmlite.ir.values import NamedValue
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as numba_intrinsic

from freqopt.backends.numba.jit._compile import compiled
from freqopt.backends.numba.jit._private import config


def intrinsic(function: Callable[..., Any]) -> Any:
    """Make a function that is called in kernels from one that writes LLVM code for its types."""
    return numba_intrinsic(function)


BYTES = ir.IntType(8).as_pointer()
Reals: TypeAlias = tuple[Any, ...]
"""Numbers of the table's dtype, or float64 where said."""
LINE = 64
"""Bytes that memory hands over at once."""


@intrinsic
def _address(typing: Any, array: Any, i: Any) -> Any:
    """Address of array[i] in a C-contiguous array of any dimension."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        stride = cgutils.unpack_tuple(builder, view.strides)[0]
        base = builder.ptrtoint(view.data, stride.type)
        return builder.add(base, builder.mul(stride, arguments[1]))

    return types.intp(array, types.intp), generate


if config.BOUNDSCHECK:

    @compiled
    def address(array: Any, i: int) -> int:
        """Address of row i, which must exist."""
        if not 0 <= i < array.shape[0]:
            raise IndexError("a kernel asked for a row that its array does not have")
        return _address(array, i)

else:
    address = _address


@intrinsic
def addresses(typing: Any, arrays: Any, i: Any) -> Any:
    """Addresses of row i of each array of a tuple."""
    kinds = types.BaseTuple.from_types([types.intp] * len(arrays))
    one = typing.resolve_value_type(address)
    calls = [typing.resolve_function_type(one, (array, types.intp), {}) for array in arrays]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = [
            context.get_function(one, call)(
                builder, (builder.extract_value(arguments[0], k), arguments[1])
            )
            for k, call in enumerate(calls)
        ]
        return context.make_tuple(builder, kinds, found)

    return kinds(arrays, types.intp), generate


@intrinsic
def items(typing: Any, arrays: Any, i: Any) -> Any:
    """Entry i of each one-dimensional array of a tuple."""
    kinds = types.BaseTuple.from_types([array.dtype for array in arrays])
    calls = [
        typing.resolve_function_type(operator.getitem, (array, types.intp), {}) for array in arrays
    ]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = [
            context.get_function(operator.getitem, call)(
                builder, (builder.extract_value(arguments[0], k), arguments[1])
            )
            for k, call in enumerate(calls)
        ]
        return context.make_tuple(builder, kinds, found)

    return kinds(arrays, types.intp), generate


@intrinsic
def set_items(typing: Any, arrays: Any, i: Any, values: Any) -> Any:
    """Store one value in entry i of each one-dimensional array of a tuple."""
    calls = [
        typing.resolve_function_type(operator.setitem, (array, types.intp, value), {})
        for array, value in zip(arrays, values, strict=True)
    ]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        for k, call in enumerate(calls):
            array = builder.extract_value(arguments[0], k)
            value = builder.extract_value(arguments[2], k)
            store = context.get_function(operator.setitem, call)
            value = context.cast(builder, value, values[k], call.args[2])
            store(builder, (array, arguments[1], value))
        return context.get_dummy_value()

    return types.void(arrays, types.intp, values), generate


@intrinsic
def rounded(typing: Any, values: Any, real: Any) -> Any:
    """Each number of a tuple rounded once to the type `real`."""
    wanted = types.BaseTuple.from_types([real.dtype] * len(values))

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cast = [
            context.cast(builder, builder.extract_value(arguments[0], k), kind, real.dtype)
            for k, kind in enumerate(values)
        ]
        return context.make_tuple(builder, wanted, cast)

    return wanted(values, real), generate


def _prefetch(writes: int, level: int) -> Any:
    """A compiled function that asks for memory; the arguments are those of LLVM's prefetch."""

    @intrinsic
    def ask(typing: Any, rows: Any, size: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            flag = ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [BYTES, flag, flag, flag])
            asked = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
            size = arguments[1]
            for k in range(len(rows)):
                start = builder.extract_value(arguments[0], k)
                with cgutils.for_range_slice(
                    builder, size.type(0), size, size.type(LINE), size.type
                ) as (offset, _):
                    line = builder.inttoptr(builder.add(start, offset), BYTES)
                    builder.call(asked, [line, flag(writes), flag(level), flag(1)])
            return context.get_dummy_value()

        return types.void(rows, types.intp), generate

    return ask


prefetch = _prefetch(writes=1, level=3)
"""prefetch(addresses, size): ask for `size` bytes from each address on, to be written to soon."""
prefetch_stream = _prefetch(writes=0, level=2)
"""The same for what is read once: into the second cache, which leaves the first to other things."""


class _Distinct(NamedValue):  # type: ignore[misc]
    """A node of LLVM metadata that is equal to no other, which llvmlite does not offer."""

    name_prefix = "!"

    def __init__(self, module: Any, *nodes: Any, names_itself: bool = False) -> None:
        super().__init__(module, ir.MetaDataType(), name=str(len(module.metadata)))
        self._operands = [self, *nodes] if names_itself else list(nodes)
        module.metadata.append(self)

    def descr(self, lines: list[str]) -> None:
        operands = ", ".join(node.get_reference() for node in self._operands)
        lines.append(f"distinct !{{ {operands} }}\n")

    def get_reference(self) -> str:
        return f"!{self.name}"


@intrinsic
def sweep(
    typing: Any, function: Any, constants: Any, updated: Any, read: Any, width: Any, real: Any
) -> Any:
    """Do updated[.][j] = function(constants, updated[.][j], read[.][j]) for all j < width.

    `updated` and `read` are tuples of addresses of rows of numbers of the type `real`. No two of
    the rows may overlap: the loop is marked as one whose turns are independent, so that LLVM
    vectorises it without comparing addresses first.
    """
    before = types.BaseTuple.from_types([real.dtype] * len(updated))
    beside = types.BaseTuple.from_types([real.dtype] * len(read))
    call = typing.resolve_function_type(function, (constants, before, beside), {})

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, fixed, out, seen, count, _ = arguments
        module, zero = builder.module, count.type(0)
        group = _Distinct(module)
        independent = module.add_metadata(["llvm.loop.parallel_accesses", group])
        whole = module.add_metadata(["llvm.loop.unroll.disable"])
        this_loop = _Distinct(module, independent, whole, names_itself=True)
        pointer = context.get_value_type(real.dtype).as_pointer()
        outs = [
            builder.inttoptr(builder.extract_value(out, k), pointer) for k in range(len(updated))
        ]
        ins = [builder.inttoptr(builder.extract_value(seen, k), pointer) for k in range(len(read))]
        compute = context.get_function(function, call)

        def load(place: Any) -> Any:
            value = builder.load(place)
            value.set_metadata("llvm.access.group", group)
            return value

        start = builder.block
        turn, end = builder.append_basic_block("sweep"), builder.append_basic_block("swept")
        builder.cbranch(builder.icmp_signed("<", zero, count), turn, end)
        builder.position_at_end(turn)
        j = builder.phi(count.type)
        j.add_incoming(zero, start)
        places = [builder.gep(row, [j]) for row in outs]
        old = context.make_tuple(builder, before, [load(place) for place in places])
        given = context.make_tuple(builder, beside, [load(builder.gep(row, [j])) for row in ins])
        new = compute(builder, (fixed, old, given))
        new = context.cast(builder, new, call.return_type, before)
        for k, place in enumerate(places):
            store = builder.store(builder.extract_value(new, k), place)
            store.set_metadata("llvm.access.group", group)
        following = builder.add(j, count.type(1), flags=("nuw", "nsw"))
        j.add_incoming(following, builder.block)
        again = builder.cbranch(builder.icmp_signed("<", following, count), turn, end)
        again.set_metadata("llvm.loop", this_loop)
        builder.position_at_end(end)
        return context.get_dummy_value()

    return types.void(function, constants, updated, read, types.intp, real), generate
