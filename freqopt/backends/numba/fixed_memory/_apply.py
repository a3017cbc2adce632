"""The second half of a fixed-memory rule's step: every row of the union meets buffer and table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from freqopt.backends.numba.batch._index import entry_in_batch
from freqopt.backends.numba.batch._space import Space
from freqopt.backends.numba.fixed_memory._buffer import UNION_ROWS, Critical, offer, remember, unite
from freqopt.backends.numba.fixed_memory._recall import recall_row
from freqopt.backends.numba.jit._compile import compiled, entry, inlined
from freqopt.backends.numba.jit._memory import address, prefetch
from freqopt.backends.numba.rule._kernel import find_kernel
from freqopt.backends.numba.rule._scalars import row_axes_of
from freqopt.backends.numba.rule._update import row_update
from freqopt.kernels import Visit
from freqopt.optimizers import Rule

AHEAD = 4
"""Rows of the union that are asked for beforehand."""
_made: dict[str, Callable[..., None]] = {}


def make_apply_critical(rule: Rule, dtype: Any) -> Callable[..., None]:
    """The compiled second half of a fixed-memory rule's step, after `offer` and `unite`.

    Returns
    -------
    compiled function
        As `make_apply`, and at its end the table's Critical. With `everyone` false the rows
        outside the union are left alone.
    """
    kernel, structure = find_kernel(rule, dtype)
    key = f"apply {structure.key}"
    if key in _made:
        return _made[key]
    scalars, row_axes_at, real = kernel.scalars, row_axes_of(structure.kind), structure.real
    update, recall = row_update(kernel, real), recall_row(real)

    @inlined
    def ask(i: int, table: Any, critical: Critical) -> None:
        """Ask for what the visit of row i will read."""
        width, size = table.shape[1] * table.itemsize, critical.seen.size
        prefetch((address(table, i),), width)
        for k in range(critical.length[0]):
            prefetch((address(critical.buffer, k * size + i),), width)

    @entry(key)
    def apply(
        part: int, table: Any, elements: Any, rows: Any, decayed_at: Any, grads: Any, h: Any,
        t: int, everyone: bool, index: Any, base: int, space: Any, critical: Any,
    ) -> None:  # fmt: skip
        space, critical = Space(*space), Critical(*critical)
        ends, place, scratch, sums = space.ends, space.place, space.scratch, space.sums
        work, decayed, zero = scratch[part, 0], scratch[part, 1], address(scratch[part], 2)
        c, axes = scalars(h, t), row_axes_at(h, t)
        union, seen, own = critical.union, critical.seen, critical.scratch[part]
        dense, width = critical.lists.shape[1] == 0, table.shape[1]
        size = table.shape[0] if everyone else critical.decided[UNION_ROWS]
        end = size * (part + 1) // ends.size
        for k in range(size * part // ends.size, end):
            i = k if everyone else union[k]
            if not everyone and k + AHEAD < end:
                ask(union[k + AHEAD], table, critical)
            g, direction, occurrences = zero, zero, 0
            if dense or seen[i] == t:
                e = entry_in_batch(i, space, index, base)
                if e >= 0:
                    g = address(grads, place[e]) if place[e] >= 0 else address(sums, ~place[e])
                    occurrences = space.count[e]
                direction = recall(i, g, address(table, i), critical, own)
            visit = Visit(t, occurrences, True, width)
            update(
                table, elements, rows, decayed_at, i, direction, direction, visit, c, axes, work,
                decayed,
            )  # fmt: skip

    _made[key] = apply
    return apply


def make_whole_step(rule: Rule, dtype: Any) -> Callable[..., None]:
    """All of a fixed-memory rule's step after its norm is known, in one part, for the loop.

    Returns
    -------
    compiled function
        As `make_apply_critical`, and at its end the norm.
    """
    _, structure = find_kernel(rule, dtype)
    key = f"whole {structure.key}"
    if key in _made:
        return _made[key]
    apply = compiled(make_apply_critical(rule, dtype).py_func)

    @entry(key)
    def step(
        part: int, table: Any, elements: Any, rows: Any, decayed_at: Any, grads: Any, h: Any,
        t: int, everyone: bool, index: Any, base: int, space: Any, critical: Any, norm: float,
    ) -> None:  # fmt: skip
        offer(norm, t, Critical(*critical))
        unite(t, Space(*space), Critical(*critical))
        apply(
            part, table, elements, rows, decayed_at, grads, h, t, everyone, index, base, space,
            critical,
        )  # fmt: skip
        remember(Critical(*critical))

    _made[key] = step
    return step
