"""The short way of a step: every table has one occurrence, and its row is updated at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from freqopt.backends.numba.arithmetic._fold import finite
from freqopt.backends.numba.jit._compile import compiled, inlined
from freqopt.backends.numba.jit._memory import address, addresses, prefetch
from freqopt.backends.numba.loop._arrays import Part, in_turn
from freqopt.backends.numba.loop._borrow import of_width
from freqopt.backends.numba.rule._scalars import RowAxes, Structure, row_axes_of
from freqopt.backends.numba.rule._update import row_update
from freqopt.kernels import Kernel, Visit
from freqopt.optimizers import Rule

AHEAD = 8
"""Steps whose rows are asked for beforehand."""


def allows_single(rule: Rule) -> bool:
    """Whether a lone occurrence meets its row as it is, and no other row changes."""
    return (
        rule.rows == "touched"
        and rule.padding_row is None
        and rule.nonfinite != "skip"
        and not rule.maximize
        and rule.clip is None
        and not rule.catches_up_before_reading
        and not (rule.weight_decay and rule.decay == "decoupled" and rule.decay_rows == "all")
    )


@compiled
def _nothing_around(h: Any, t: int) -> RowAxes:
    return RowAxes(1.0, False, False, False, 0.0, math.inf)


def single_step(
    kernel: Kernel, structure: Structure, widths: tuple[int, ...], *, checked: bool, bare: bool
) -> Callable[..., bool]:
    """A compiled function (parts, n, s, count, h): False before a step that is refused.

    Parameters
    ----------
    kernel, structure : of the rule
    widths : of the arrays' rows
    checked : bool
        A gradient that is not finite is refused.
    bare : bool
        The rule has neither weight decay nor a largest norm.
    """
    scalars, row_axes_at = kernel.scalars, _nothing_around if bare else row_axes_of(structure.kind)
    updates = {width: _update(kernel, structure, of_width(width)) for width in widths}
    checks = {width: _finite(width, structure.real) for width in widths}
    update_all = in_turn(tuple(updates[width] for width in widths))
    all_finite = in_turn(tuple(checks[width] for width in widths))

    @inlined
    def step(parts: Any, n: int, s: int, count: int, h: Any) -> bool:
        if checked and not all_finite(parts, n, s, count, h):
            return False
        t = parts[0].steps[0] + 1
        return update_all(parts, n, s, count, (t, scalars(h, t), row_axes_at(h, t)))

    return step


def _finite(width: int, real: Any) -> Callable[..., bool]:
    row_is_finite = finite(width, real)

    @inlined
    def visit(part: Part, n: int, s: int, count: int, shared: Any) -> bool:
        _, grads, _ = part.matrices
        return row_is_finite(address(grads, 0))

    return visit


def _update(kernel: Kernel, structure: Structure, fix: Callable[..., Any]) -> Callable[..., bool]:
    update, narrow = row_update(kernel, structure.real), of_width(1)

    @inlined
    def visit(part: Part, n: int, s: int, count: int, shared: Any) -> bool:
        t, c, axes = shared
        table, grads, elements = fix(part.matrices)
        (rows,) = narrow((part.rows,))
        i, width, scratch = rows[s, 0], table.shape[1], part.space
        if s + AHEAD < count:
            soon = rows[s + AHEAD, 0]
            prefetch((address(table, soon), *addresses(elements, soon)), width * table.itemsize)
            prefetch(addresses(part.row_slots, soon), 1)
        part.steps[0] = t
        update(
            table, elements, part.row_slots, part.decayed_at, i, address(grads, 0), 0,
            Visit(t, 1, True, width), c, axes, scratch[0], scratch[1],
        )  # fmt: skip
        return True

    return visit
