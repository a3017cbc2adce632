"""Rows that a lazy rule has left behind are taken through the batches that they missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from freqopt.backends.numba.jit._compile import entry, inlined
from freqopt.backends.numba.jit._memory import address
from freqopt.backends.numba.rule._kernel import find_kernel
from freqopt.backends.numba.rule._scalars import Structure, row_axes_of
from freqopt.backends.numba.rule._update import row_update
from freqopt.kernels import Kernel, Visit
from freqopt.optimizers import Rule

_made: dict[str, Callable[..., None]] = {}


def catch_up_row(rule: Rule, kernel: Kernel, structure: Structure) -> Callable[..., None]:
    """The compiled replay of one row, of a rule that catches up before reading.

    Returns
    -------
    compiled function (table, elements, rows, decayed_at, i, until, h, scratch)
        Arrays as in `row_update`; afterwards row i has caught up to batch `until`. h: the rule's
        hyper vector. scratch (3, d): two rows of no value, and one of zeros.
    """
    names = [slot.name for slot in rule.all_slots() if slot.per == "row"]
    settled_at = names.index("settled_at")
    scalars, row_axes_at = kernel.scalars, row_axes_of(structure.kind)
    update = row_update(kernel, structure.real, own_squares=rule.duplicates == "squares")
    moments = len([s for s in rule.all_slots() if s.name in ("m", "v") and s.per == "element"])
    by_row = moments == 1

    @inlined
    def at_rest(elements: Any, rows: Any, i: int) -> bool:
        """Whether a gradient of zero leaves the row as it is, but for decay and limits."""
        still = True
        for array in elements[:moments]:
            for j in range(array.shape[1]):
                still &= array[i, j] == 0
        return still and (not by_row or rows[0][i] == 0)

    @inlined
    def catch_up(
        table: Any, elements: Any, rows: Any, decayed_at: Any, i: int, until: int, h: Any,
        scratch: Any,
    ) -> None:  # fmt: skip
        first = rows[settled_at][i] + 1
        if first > until:
            return
        axes = row_axes_at(h, until)
        changes = axes.shrinks_updated or axes.l2 != 0 or axes.max_norm < np.inf
        if not changes and at_rest(elements, rows, i):
            rows[settled_at][i] = until
            return
        work, decayed, zero = scratch[0], scratch[1], address(scratch, 2)
        for t in range(first, until + 1):
            update(
                table, elements, rows, decayed_at, i, zero, zero,
                Visit(t, 0, True, table.shape[1]), scalars(h, t), row_axes_at(h, t), work, decayed,
            )  # fmt: skip

    return catch_up


def make_catch_up(rule: Rule, dtype: Any) -> Callable[..., None]:
    """The compiled `Rule.catch_up` of a rule that catches up before reading.

    Returns
    -------
    compiled function (part, parts, table, elements, rows, decayed_at, chosen, until, h, scratch)
        chosen: int64 (n,), distinct rows in range; a part takes a share of them. scratch as in
        `catch_up_row`, for each part.
    """
    kernel, structure = find_kernel(rule, dtype)
    key = f"catch_up {structure.key} {rule.duplicates == 'squares'}"
    if key in _made:
        return _made[key]
    catch_up_one = catch_up_row(rule, kernel, structure)

    @entry(key)
    def catch_up(
        part: int, parts: int, table: Any, elements: Any, rows: Any, decayed_at: Any,
        chosen: Any, until: int, h: Any, scratch: Any,
    ) -> None:  # fmt: skip
        for k in range(chosen.size * part // parts, chosen.size * (part + 1) // parts):
            catch_up_one(table, elements, rows, decayed_at, chosen[k], until, h, scratch[part])

    _made[key] = catch_up
    return catch_up
