"""The way of a step at one sample whose gradient is a star: one row against several others.

The gradient of partner m is slope_m u, that of the row u is the fold of slope_m v_m. If the
partners are different rows, each has one occurrence. Then nothing needs to be gathered, and all
rows are updated in one sweep, in which no gradient of a partner is ever stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types
from numba.core import cgutils

from freqopt.backends.numba.arithmetic._fold import VECTOR, finite
from freqopt.backends.numba.jit._compile import compiled, inlined
from freqopt.backends.numba.jit._memory import (
    Reals,
    address,
    addresses,
    intrinsic,
    items,
    prefetch,
    rounded,
    set_items,
    sweep,
)
from freqopt.backends.numba.jit._tuples import distinct, each, entries, fold_values
from freqopt.backends.numba.loop._borrow import of_width
from freqopt.backends.numba.loop._single import allows_single
from freqopt.backends.numba.problems._kernel import Star
from freqopt.backends.numba.rule._scalars import Structure
from freqopt.kernels import Kernel, Visit
from freqopt.optimizers import Rule

AHEAD = 4
"""Steps whose rows are asked for beforehand."""
MANY = 16
"""Partners from which on the straight code is too long."""
DONE, REFUSED, OTHER = range(3)
"""The step is taken; its gradient is not finite; it has to go the general way."""


def allows_star(rule: Rule, kernel: Kernel, star: Star | None) -> bool:
    """Whether the rule moves a row by its gradient's entries, one by one, and nothing else."""
    bare = not rule.weight_decay and rule.max_norm is None
    return (
        star is not None
        and star.partners <= MANY
        and kernel.term is None
        and bare
        and allows_single(rule)
    )


def star_step(
    star: Star, kernel: Kernel, structure: Structure, width: int, *, checked: bool
) -> Callable[..., int]:
    """A compiled function (parts, s, count, h): DONE, REFUSED or OTHER.

    Parameters
    ----------
    star : of the problem
    kernel, structure : of the rule
    width : of the rows
    checked : bool
        A gradient that is not finite is refused.
    """
    real, scalars, row = structure.real, kernel.scalars, kernel.row
    slopes_of, partners = star.slopes, star.partners
    fix, row_is_finite = of_width(width), finite(width, real)
    one, several = entries(1), entries(partners)
    term, move = _term(real), _move(kernel, real)

    # What fills no vector is a sweep of its own, of a length that the compiler knows.
    lanes = 8 * VECTOR // real.bitwidth
    whole, rest = width - width % lanes, width % lanes
    bytes_before = whole * real.bitwidth // 8

    @inlined
    def behind(offset: int, row: int) -> int:
        return row + offset

    @inlined
    def place(matrices: Any, i: int) -> Any:
        table, _, elements = matrices
        return (address(table, i), *addresses(elements, i))

    @inlined
    def ask(part: Any, i: int) -> bool:
        matrices, row_slots = part
        prefetch(place(matrices, i), width * matrices[0].itemsize)
        prefetch(addresses(row_slots, i), 1)
        return True

    @inlined
    def factors(shared: Any, i: int) -> Any:
        """What `row` gives for row i."""
        row_slots, c, visit = shared
        r, slots = row(c, items(row_slots, i), visit, real(0))
        set_items(row_slots, i, slots)
        return r

    @inlined
    def step(parts: Any, s: int, count: int, h: Any) -> int:
        first, second = parts
        of_u, of_v = fix(first.matrices), fix(second.matrices)
        if s + AHEAD < count:
            soon = s + AHEAD
            each(ask, (of_u, first.row_slots), one(address(first.rows, soon)))
            each(ask, (of_v, second.row_slots), several(address(second.rows, soon)))
        centre, others = one(address(first.rows, s)), several(address(second.rows, s))
        if not distinct(others):
            return OTHER
        u, v, along = place(of_u, centre[0]), each(place, of_v, others), address(of_u[1], 0)
        slopes = slopes_of(u[0], v)
        rows_of_v = _firsts(v)
        sweep(term, slopes, (along,), rows_of_v, whole, real)
        if rest:
            tail = each(behind, bytes_before, rows_of_v)
            sweep(term, slopes, (along + bytes_before,), tail, rest, real)
        if checked and not (row_is_finite(along) and row_is_finite(u[0])):
            return REFUSED
        t = first.steps[0] + 1
        first.steps[0] = second.steps[0] = t
        c, visit = scalars(h, t), Visit(t, 1, True, width)
        of_centre = each(factors, (first.row_slots, c, visit), centre)
        of_others = each(factors, (second.row_slots, c, visit), others)
        fixed = rounded(c, real), (*of_centre, *of_others), slopes
        rows = _all(u, v)
        sweep(move, fixed, rows, (along,), whole, real)
        if rest:
            tail = each(behind, bytes_before, rows)
            sweep(move, fixed, tail, (along + bytes_before,), rest, real)
        return DONE

    return step


@intrinsic
def _firsts(typing: Any, tuples: Any) -> Any:
    """The first entries of the tuples of a tuple."""
    kind = types.BaseTuple.from_types([inner[0] for inner in tuples])

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = cgutils.unpack_tuple(builder, arguments[0])
        found = [builder.extract_value(row, 0) for row in rows]
        return context.make_tuple(builder, kind, found)

    return kind(tuples), generate


@intrinsic
def _all(typing: Any, head: Any, tuples: Any) -> Any:
    """The entries of `head`, then those of the tuples of a tuple."""
    kind = types.BaseTuple.from_types([*head, *(entry for inner in tuples for entry in inner)])

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = [arguments[0], *cgutils.unpack_tuple(builder, arguments[1])]
        found = [entry for row in rows for entry in cgutils.unpack_tuple(builder, row)]
        return context.make_tuple(builder, kind, found)

    return kind(head, tuples), generate


def _term(real: Any) -> Callable[..., Any]:
    """(slopes, (whatever,), entries of v) -> the entry of u's gradient."""

    @intrinsic
    def term(typing: Any, slopes: Any, old: Any, seen: Any) -> Any:
        kind = types.UniTuple(real, 1)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            given, _, entries_of_v = (cgutils.unpack_tuple(builder, a) for a in arguments)
            products = [builder.fmul(a, v) for a, v in zip(given, entries_of_v, strict=True)]
            return context.make_tuple(builder, kind, [fold_values(builder, products)])

        return kind(slopes, old, seen), generate

    return term


def _move(kernel: Kernel, real: Any) -> Callable[..., Any]:
    """((c, factors of all rows, slopes), entries of all rows, (entry of u's gradient,)) -> new."""
    element = kernel.element

    @compiled
    def one(c: Reals, r: Reals, old: Reals, g: Any) -> Reals:
        w, e = element(c, r, old[0], g, g * g, old[1:])
        return (w, *e)

    @intrinsic
    def move(typing: Any, fixed: Any, old: Any, seen: Any) -> Any:
        c, factors, _ = fixed
        size = len(old) // len(factors)
        row, function = types.UniTuple(real, size), typing.resolve_value_type(one)
        calls = [typing.resolve_function_type(function, (c, r, row, real), {}) for r in factors]

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            shared, given, slope = cgutils.unpack_tuple(builder, arguments[0])
            numbers = cgutils.unpack_tuple(builder, arguments[1])
            (along,) = cgutils.unpack_tuple(builder, arguments[2])
            each_r, u = cgutils.unpack_tuple(builder, given), numbers[0]
            grads = [along, *(builder.fmul(a, u) for a in cgutils.unpack_tuple(builder, slope))]
            out = []
            for k, (r, g, call) in enumerate(zip(each_r, grads, calls, strict=True)):
                entry = context.make_tuple(builder, row, numbers[k * size : (k + 1) * size])
                new = context.get_function(function, call)(builder, (shared, r, entry, g))
                new = context.cast(builder, new, call.return_type, row)
                out += cgutils.unpack_tuple(builder, new)
            return context.make_tuple(builder, old, out)

        return old(fixed, old, seen), generate

    return move
