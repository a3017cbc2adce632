"""One compiled loop from a problem's kernel and a rule's.

A step takes one of two ways. *Single*: every table has one occurrence and no axis of the rule
looks at it on its way, so the row is updated at once. *Batched*: the occurrences go through
`gather` and `apply`, the two halves of the fused step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from freqopt.backends.numba._apply import make_apply, shrink
from freqopt.backends.numba._compile import compiled, entry
from freqopt.backends.numba._gather import REFUSED, gather
from freqopt.backends.numba._kernel import Visit, find_kernel
from freqopt.backends.numba._memory import address, addresses, prefetch
from freqopt.backends.numba._scalars import around_of
from freqopt.backends.numba._update import row_update
from freqopt.backends.numba.loop._movement import add, note
from freqopt.backends.numba.problems._kernel import ProblemKernel
from freqopt.optimizers import Rule

AHEAD = 8
"""Steps whose rows are asked for beforehand."""
_made: dict[str, Callable[..., int]] = {}


def make_loop(
    problem: ProblemKernel, rule: Rule, dtype: Any, *, single: bool, tracked: bool
) -> Callable[..., int]:
    """The compiled loop of a problem and a rule; one for all that share code.

    Parameters
    ----------
    problem : ProblemKernel
    rule : Rule
    dtype : of the tables
    single : bool
        Every table has one occurrence per step, and the rule allows the short way.
    tracked : bool
        Movement is kept up.

    Returns
    -------
    compiled function (run, problem side, rule side) -> int
        See `loop` below.
    """
    kernel, structure = find_kernel(rule, dtype)
    key = f"loop {problem.key} | {structure.key} {single} {tracked}"
    if single:
        advance = _single_step(kernel, structure, tracked, checked=rule.nonfinite == "raise")
    else:
        key = f"{key} {rule.duplicates == 'squares'}"
        advance = _batched_step(rule, dtype, structure, tracked)
    if key in _made:
        return _made[key]
    draw, gradient = problem.draw, problem.gradient

    @entry(key)
    def loop(
        seed: Any, run: Any, first: int, until: int, batch: int, data: Any, samples: Any, rows: Any,
        grads: Any, work: Any, wide: Any, tables: Any, beside: Any, rest: Any,
    ) -> int:  # fmt: skip
        """Take the steps first .. until - 1; returns the step that was refused, or `until`.

        samples, rows: arrays (S, .), S being the steps drawn at once; beside: element slots, row
        slots, decayed_at and t of each table; rest: see the steps.
        """
        ahead, step = rows[0].shape[0], first
        while step < until:
            count = min(ahead, until - step)
            draw(data, seed, run, step, count, batch, samples, wide)
            for s in range(count):
                gradient(data, tables, samples, s, batch, grads, work)
                if not advance(step + s - first, s, count, tables, beside, rows, grads, rest):
                    return step + s
            step += count
        return until

    _made[key] = loop
    return loop


@compiled
def _finite(grads: Any) -> bool:
    finite = True
    for c in range(grads.shape[1]):
        finite &= np.isfinite(grads[0, c])
    return finite


def _single_step(
    kernel: Any, structure: Any, tracked: bool, *, checked: bool
) -> Callable[..., bool]:
    scalars, around_at = kernel.scalars, around_of(structure)
    update = row_update(kernel, structure.real)

    @compiled
    def advance(
        n: int, s: int, count: int, tables: Any, beside: Any, rows: Any, grads: Any, rest: Any
    ) -> bool:
        h, moves, scratch = rest
        if checked:
            for k in range(len(tables)):
                if not _finite(grads[k]):
                    return False
        for k in range(len(tables)):
            table, i = tables[k], rows[k][s, 0]
            elements, row_slots, decayed_at, steps = beside[k]
            width = table.shape[1]
            if s + AHEAD < count:
                soon = rows[k][s + AHEAD, 0]
                prefetch((address(table, soon), *addresses(elements, soon)), width * table.itemsize)
                prefetch(addresses(row_slots, soon), 1)
            steps[0] += 1
            t = steps[0]
            if tracked:
                note(moves[k], table, rows[k], s, grads[k])
            update(
                table, elements, row_slots, decayed_at, i, address(grads[k], 0), 0,
                Visit(t, 1, True, width), scalars(h, t), around_at(h, t), scratch[0], scratch[1],
            )  # fmt: skip
            if tracked:
                add(moves[k], table)
        return True

    return advance


def _batched_step(rule: Rule, dtype: Any, structure: Any, tracked: bool) -> Callable[..., bool]:
    apply, around_at, real = make_apply(rule, dtype), around_of(structure), structure.real

    @compiled
    def advance(
        n: int, s: int, count: int, tables: Any, beside: Any, rows: Any, grads: Any, rest: Any
    ) -> bool:
        h, moves, options, limit, everyone, count_empty, indices, bases, spaces = rest
        for k in range(len(tables)):
            base = bases[k] + n * (rows[k].shape[1] + 1)
            gather(0, rows[k][s], grads[k], options, limit, indices[k], base, spaces[k])
        for k in range(len(tables)):
            if spaces[k][2][0] == REFUSED:
                return False
        for k in range(len(tables)):
            table, ends, starts = tables[k], spaces[k][2], spaces[k][1]
            elements, row_slots, decayed_at, steps = beside[k]
            base = bases[k] + n * (rows[k].shape[1] + 1)
            if tracked:
                note(moves[k], table, rows[k], s, grads[k])
            if count_empty or ends[0] > starts[0]:
                steps[0] += 1
                t = steps[0]
                around = around_at(h, t)
                if around.shrinks_all:
                    shrink(0, 1, table, real(around.shrink))
                apply(
                    0, table, elements, row_slots, decayed_at, grads[k], h, t, everyone,
                    indices[k], base, spaces[k],
                )  # fmt: skip
            if tracked:
                add(moves[k], table)
        return True

    return advance
