"""Folds in the order of `freqopt.streams.fold`: of a short row in registers, and over rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from freqopt.backends.numba._compile import inlined


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
            number = context.get_value_type(real)
            row = ir.VectorType(number, width)
            size = context.get_abi_sizeof(number)
            rows = []
            for address in arguments:
                loaded = builder.load(builder.inttoptr(address, row.as_pointer()), align=size)
                rows.append(loaded)
            return _fold(builder, getattr(builder, operation)(*rows), width)

        return real(types.intp, types.intp), generate

    return fold


def _fold(builder: Any, entries: Any, width: int) -> Any:
    """Add the upper half onto the lower half until one entry is left."""
    lane = ir.IntType(32)

    def pick(a: Any, b: Any, places: list[int]) -> Any:
        mask = ir.Constant(ir.VectorType(lane, len(places)), [lane(place) for place in places])
        return builder.shuffle_vector(a, b, mask)

    while width > 1:
        half = 1 << (width - 1).bit_length() - 1
        lower = pick(entries, entries, list(range(half)))
        upper = pick(entries, entries, [min(half + j, width - 1) for j in range(half)])
        total = builder.fadd(lower, upper)
        kept = [j if half + j < width else half + j for j in range(half)]
        entries = pick(total, lower, kept)  # entries without partner stay
        width = half
    return builder.extract_element(entries, lane(0))


@inlined
def fold_rows(work: Any, rows: int, width: int) -> None:
    """Fold `rows` rows of `width` numbers, one behind the other in work, into the first."""
    half = 1
    while 2 * half < rows:
        half *= 2
    for k in range(half * width, rows * width):
        work[k - half * width] += work[k]
    while half > 1:
        half //= 2
        for k in range(half * width):
            work[k] += work[k + half * width]
