"""The short way of a step: every table has one occurrence, and its row is updated at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from freqopt.backends.numba._compile import inlined
from freqopt.backends.numba._kernel import Kernel, Structure, Visit
from freqopt.backends.numba._memory import address, addresses, prefetch
from freqopt.backends.numba._scalars import around_of
from freqopt.backends.numba._update import row_update
from freqopt.backends.numba.loop._arrays import Part, in_turn
from freqopt.backends.numba.loop._borrow import of_width
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
        and not rule.settles_before_reading
        and not (rule.weight_decay and rule.decay == "decoupled" and rule.decay_rows == "all")
    )


def single_step(
    kernel: Kernel, structure: Structure, widths: tuple[int, ...], *, checked: bool
) -> Callable[..., bool]:
    """A compiled function (parts, n, s, count, h): False before a step that is refused.

    Parameters
    ----------
    kernel, structure : of the rule
    widths : of the arrays' rows
    checked : bool
        A gradient that is not finite is refused.
    """
    updates = tuple(_update(kernel, structure, of_width(width)) for width in widths)
    update_all = in_turn(updates)
    if not checked:
        return update_all
    all_finite = in_turn(tuple(_finite(of_width(width)) for width in widths))

    @inlined
    def step(parts: Any, n: int, s: int, count: int, h: Any) -> bool:
        return all_finite(parts, n, s, count, h) and update_all(parts, n, s, count, h)

    return step


def _finite(fix: Callable[..., Any]) -> Callable[..., bool]:
    @inlined
    def finite(part: Part, n: int, s: int, count: int, h: Any) -> bool:
        _, grads, _ = fix(part.matrices)
        good = True
        for c in range(grads.shape[1]):
            good &= np.isfinite(grads[0, c])
        return good

    return finite


def _update(kernel: Kernel, structure: Structure, fix: Callable[..., Any]) -> Callable[..., bool]:
    scalars, around_at = kernel.scalars, around_of(structure)
    update = row_update(kernel, structure.real)

    @inlined
    def visit(part: Part, n: int, s: int, count: int, h: Any) -> bool:
        table, grads, elements = fix(part.matrices)
        i, width, scratch = part.rows[s, 0], table.shape[1], part.space
        if s + AHEAD < count:
            soon = part.rows[s + AHEAD, 0]
            prefetch((address(table, soon), *addresses(elements, soon)), width * table.itemsize)
            prefetch(addresses(part.row_slots, soon), 1)
        part.steps[0] += 1
        t = part.steps[0]
        update(
            table, elements, part.row_slots, part.decayed_at, i, address(grads, 0), 0,
            Visit(t, 1, True, width), scalars(h, t), around_at(h, t), scratch[0], scratch[1],
        )  # fmt: skip
        return True

    return visit
