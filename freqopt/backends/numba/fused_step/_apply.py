"""The entries of a batch meet the table: the second half of the step, one kernel per rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from freqopt.backends.numba.arithmetic._rows import scale
from freqopt.backends.numba.batch._index import entry_in_batch
from freqopt.backends.numba.batch._preprocess import REFUSED
from freqopt.backends.numba.batch._space import Space
from freqopt.backends.numba.jit._compile import entry
from freqopt.backends.numba.jit._memory import LINE, address, addresses, prefetch, prefetch_stream
from freqopt.backends.numba.rule._catch_up import catch_up_row
from freqopt.backends.numba.rule._kernel import find_kernel
from freqopt.backends.numba.rule._scalars import row_axes_of
from freqopt.backends.numba.rule._update import row_update
from freqopt.errors import BackendError
from freqopt.kernels import Visit
from freqopt.optimizers import Rule
from freqopt.optimizers._critical import FixedMemory

AHEAD = 16
"""Entries whose rows are asked for beforehand."""
_made: dict[str, Callable[..., None]] = {}


def make_apply(rule: Rule, dtype: Any) -> Callable[..., None]:
    """The compiled `apply` of a rule for tables of a dtype; one for all rules that share code.

    Returns
    -------
    compiled function (part, table, elements, rows, decayed_at, grads, h, t, everyone, index, base,
    space)
        table to decayed_at as in `row_update`; grads (B, d); h the rule's hyper vector; t batches
        seen, this one included; everyone: whether rows outside the batch are updated too, with
        gradient zero; index, base: see `_index`; space: `Workspace.space` after `preprocess`, as a
        plain tuple. Does
        nothing if `preprocess` refused a part.
    """
    if isinstance(rule, FixedMemory) and rule.kappa:
        raise BackendError(f"rule {rule.name()} keeps a buffer, see make_apply_critical")
    kernel, structure = find_kernel(rule, dtype)
    own_squares, summed = rule.duplicates == "squares", kernel.term is not None
    key = f"apply {structure.key} {own_squares}"
    if key in _made:
        return _made[key]
    scalars, row_axes_at = kernel.scalars, row_axes_of(structure.kind)
    update = row_update(kernel, structure.real, own_squares=own_squares)
    lags = rule.catches_up_before_reading
    catch_up = catch_up_row(rule, kernel, structure) if lags else update  # or not called

    @entry(key)
    def apply(
        part: int, table: Any, elements: Any, rows: Any, decayed_at: Any, grads: Any, h: Any,
        t: int, everyone: bool, index: Any, base: int, space: Any,
    ) -> None:  # fmt: skip
        space = Space(*space)
        starts, ends, scratch, sums = space.starts, space.ends, space.scratch, space.sums
        row, place, count = space.row, space.place, space.count
        work, decayed, zero = scratch[part, 0], scratch[part, 1], scratch[part, 2:]
        for other in range(ends.size):
            if ends[other] == REFUSED:
                return
        c, axes = scalars(h, t), row_axes_at(h, t)
        size, width = table.shape
        wanted = width * table.itemsize
        if summed and address(table, 0) % LINE != 0:
            wanted += LINE - 1  # a row ends in one line more, and its sum waits for that
        start, end = starts[part], ends[part]
        if everyone:
            start, end = size * part // ends.size, size * (part + 1) // ends.size
        for k in range(start, end):
            e = entry_in_batch(k, space, index, base) if everyone else k
            i = k if everyone else row[k]
            g, x, occurrences, first_round = address(zero, 0), address(zero, 0), 0, True
            if e >= 0:
                g = address(grads, place[e]) if place[e] >= 0 else address(sums, ~place[e])
                occurrences, first_round = count[e], space.rank[e] == 0
                if own_squares:
                    x = address(space.squares, ~place[e])
            if not everyone and k + AHEAD < end:
                soon, there = row[k + AHEAD], place[k + AHEAD]
                prefetch((address(table, soon), *addresses(elements, soon)), wanted)
                prefetch(addresses(rows, soon), 1)
                if there >= 0:
                    prefetch_stream((address(grads, there),), wanted)
            if lags:
                catch_up(table, elements, rows, decayed_at, i, t - 1, h, scratch[part])
            visit = Visit(t, occurrences, first_round, width)
            update(table, elements, rows, decayed_at, i, g, x, visit, c, axes, work, decayed)

    _made[key] = apply
    return apply


@entry("shrink")
def shrink(part: int, parts: int, table: Any, factor: Any) -> None:
    """Multiply a part of the table by a number of its dtype."""
    size = len(table)
    for i in range(size * part // parts, size * (part + 1) // parts):
        scale(table, i, factor)


@entry("shorten")
def shorten(part: int, space: Any) -> None:
    """Multiply the stored gradient of each entry by what `clip_batch` found."""
    space = Space(*space)
    for e in range(space.starts[part], space.ends[part]):
        scale(space.sums, ~space.place[e], space.norms[0, e])
