"""Several folds, several sigmoids at once: vectors whose lanes are different results.

Each lane has the bits of the function for one number: `_fold.folded`, `_elementary.near_sigmoid`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from freqopt.backends.numba.arithmetic._elementary import LN2, NEAR, ROUNDER
from freqopt.backends.numba.arithmetic._fold import LANE, VECTOR, one_vector, pick
from freqopt.streams.elementary import EXP_SERIES, INV_LN2


def folds(width: int, n: int, real: Any) -> Callable[..., Any] | None:
    """A compiled function (a, rows): the folds of the products of a row and each of n others.

    `rows` is a tuple of tuples of addresses, of which the first counts. None where the rows fill no
    vector.
    """
    if width * real.bitwidth // 8 < VECTOR:
        return None

    @intrinsic  # type: ignore[untyped-decorator]
    def fold_all(typing: Any, a: Any, rows: Any) -> Any:
        kind = types.UniTuple(real, n)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, others = arguments[0], cgutils.unpack_tuple(builder, arguments[1])
            vectors = [
                one_vector(
                    context, builder, [a, builder.extract_value(row, 0)], "fmul", width, real
                )
                for row in others
            ]
            lanes = vectors[0].type.count
            size = lanes  # of the lanes that still belong to one result
            while size > 1:
                vectors = [
                    _halves(builder, *pair, lanes, size)
                    for pair in zip(vectors[::2], [*vectors[1::2], vectors[-1]], strict=False)
                ]
                size //= 2
            found = [
                builder.extract_element(vectors[k // lanes], LANE(k % lanes)) for k in range(n)
            ]
            return context.make_tuple(builder, kind, found)

        return kind(a, rows), generate

    return fold_all


def _halves(builder: Any, a: Any, b: Any, lanes: int, size: int) -> Any:
    """The first half of each result's lanes plus the second: those of a, then those of b."""
    first = [k for k in range(2 * lanes) if k % size < size // 2]
    second = [k + size // 2 for k in first]
    return builder.fadd(pick(builder, a, b, first), pick(builder, a, b, second))


@intrinsic  # type: ignore[untyped-decorator]
def near_sigmoids(typing: Any, xs: Any) -> Any:
    """(`near_sigmoid` of each float32 of a tuple, rounded to float32; whether all are surely so).

    Sure is what rounds one way from NEAR below and from NEAR above: then it is `rounded_sigmoid`.
    """
    n = len(xs)
    kind = types.Tuple([types.UniTuple(types.float32, n), types.boolean])

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = 1 << (n - 1).bit_length()
        double, single = ir.VectorType(ir.DoubleType(), lanes), ir.VectorType(ir.FloatType(), lanes)
        word = ir.VectorType(ir.IntType(64), lanes)
        given = ir.Constant(single, [0.0] * lanes)
        for k, x in enumerate(cgutils.unpack_tuple(builder, arguments[0])):
            given = builder.insert_element(given, x, LANE(k))
        c = [ir.Constant(double, [float(term)] * lanes) for term in EXP_SERIES]
        one, least, inverse, ln2, rounder = (
            ir.Constant(double, [value] * lanes) for value in (1.0, 700.0, INV_LN2, LN2, ROUNDER)
        )
        plus, minus, times = builder.fadd, builder.fsub, builder.fmul

        def pair(k: int) -> Any:
            return plus(c[k], times(r, c[k + 1]))

        x = builder.fpext(given, double)
        name = f"llvm.fabs.v{lanes}f64"
        size = builder.call(
            cgutils.get_or_insert_function(builder.module, ir.FunctionType(double, [double]), name),
            [x],
        )
        size = builder.select(builder.fcmp_ordered("<", size, least), size, least)
        shifted = minus(rounder, times(size, inverse))
        exponent = builder.add(builder.bitcast(shifted, word), ir.Constant(word, [1023] * lanes))
        power = builder.bitcast(builder.shl(exponent, ir.Constant(word, [52] * lanes)), double)
        r = minus(times(minus(rounder, shifted), ln2), size)
        r2 = times(r, r)
        r4 = times(r2, r2)
        low = plus(plus(one, r), times(r2, pair(0)))
        high = plus(plus(pair(2), times(r2, pair(4))), times(r4, pair(6)))
        e = times(power, plus(low, times(r4, high)))
        upper = builder.select(
            builder.fcmp_ordered(">=", x, ir.Constant(double, [0.0] * lanes)), one, e
        )
        near = builder.fdiv(upper, plus(one, e))
        below, above = (
            builder.fptrunc(times(near, ir.Constant(double, [edge] * lanes)), single)
            for edge in (1.0 - NEAR, 1.0 + NEAR)
        )
        apart = builder.bitcast(builder.fcmp_unordered("!=", below, above), ir.IntType(lanes))
        sure = builder.icmp_unsigned("==", apart, ir.Constant(ir.IntType(lanes), 0))
        found = [builder.extract_element(below, LANE(k)) for k in range(n)]
        return context.make_tuple(
            builder, kind, [context.make_tuple(builder, kind[0], found), sure]
        )

    return kind(xs), generate
