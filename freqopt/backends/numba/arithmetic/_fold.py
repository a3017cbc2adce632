"""Folds in the order of `freqopt.streams.fold`: along two rows, in registers, and over rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from freqopt.backends.numba.jit._compile import inlined

LANE = ir.IntType(32)
VECTOR = 32
"""Bytes, as in LLVM's loops: what two instructions stored, one cannot load before it is written."""


def folded(width: int, operation: str, real: Any) -> Callable[..., Any]:
    """A compiled function (a, b): the fold of two rows of `width` numbers of the type `real`.

    Parameters
    ----------
    width : int
    operation : {"fmul", "fadd"}
        What is folded: the rows' products or sums, entry by entry.
    real : numba.float32 or numba.float64

    Returns
    -------
    compiled function (a, b) -> number
        Takes the addresses of the rows.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def fold(typing: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            last = one_vector(context, builder, arguments, operation, width, real)
            while last.type.count > 1:
                half = 1 << (last.type.count - 1).bit_length() - 1
                lower = pick(builder, last, last, range(half))
                last = _plus(
                    builder, lower, pick(builder, last, last, range(half, last.type.count))
                )
            return builder.extract_element(last, LANE(0))

        return real(types.intp, types.intp), generate

    return fold


def finite(width: int, real: Any) -> Callable[..., Any]:
    """A compiled function (a): whether all of the `width` numbers of the row at a are finite.

    Where x is finite x - x is 0, else NaN.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def row_is_finite(typing: Any, a: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            total = one_vector(context, builder, arguments * 2, "fsub", width, real)
            flags = builder.fcmp_unordered("uno", total, total)
            mask = builder.bitcast(flags, ir.IntType(total.type.count))
            return builder.icmp_unsigned("==", mask, mask.type(0))

        return types.boolean(types.intp), generate

    return row_is_finite


def one_vector(context: Any, builder: Any, rows: Any, operation: str, width: int, real: Any) -> Any:
    """The fold of two rows, until what is left fits into a vector."""
    number = context.get_value_type(real)
    size = context.get_abi_sizeof(number)

    def entries(address: Any, first: int, count: int) -> Any:
        place = builder.add(address, address.type(first * size))
        kind = ir.VectorType(number, count).as_pointer()
        return builder.load(builder.inttoptr(place, kind), align=size)

    lanes = VECTOR // size
    vectors = []
    for first in range(0, width, lanes):
        pair = [entries(row, first, min(lanes, width - first)) for row in rows]
        vectors.append(getattr(builder, operation)(*pair))
    while len(vectors) > 1:
        half = 1 << (len(vectors) - 1).bit_length() - 1
        for k in range(half, len(vectors)):
            vectors[k - half] = _plus(builder, vectors[k - half], vectors[k])
        vectors = vectors[:half]
    return vectors[0]


def _plus(builder: Any, a: Any, b: Any) -> Any:
    """The vector b, which may be the shorter one, added onto the first entries of a."""
    wide, narrow = a.type.count, b.type.count
    padded = pick(builder, b, b, [min(k, narrow - 1) for k in range(wide)])
    total = builder.fadd(a, padded)
    return pick(builder, total, a, [k if k < narrow else wide + k for k in range(wide)])


def pick(builder: Any, a: Any, b: Any, places: Any) -> Any:
    """Entries of a, then of b, by their places."""
    mask = ir.Constant(ir.VectorType(LANE, len(places)), [LANE(place) for place in places])
    return builder.shuffle_vector(a, b, mask)


@inlined
def fold_rows(work: Any, rows: int, width: int) -> None:
    """Fold `rows` rows of `width` numbers, one behind the other in `work`, into the first."""
    half = 1
    while 2 * half < rows:
        half *= 2
    for k in range(half * width, rows * width):
        work[k - half * width] += work[k]
    while half > 1:
        half //= 2
        for k in range(half * width):
            work[k] += work[k + half * width]
