"""One compiled loop from a problem's kernel and a rule's.

A step takes one of two ways. *Single*: every table has one occurrence and no axis of the rule
looks at it on its way, so the row is updated at once. *Batched*: the occurrences go through
`gather` and `apply`, the two halves of the fused step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from freqopt.backends.numba._apply import make_apply, shrink
from freqopt.backends.numba._compile import compiled, entry, inlined
from freqopt.backends.numba._gather import REFUSED, gather
from freqopt.backends.numba._kernel import Visit, find_kernel
from freqopt.backends.numba._memory import address, addresses, prefetch
from freqopt.backends.numba._scalars import around_of
from freqopt.backends.numba._update import row_update
from freqopt.backends.numba.loop._borrow import borrowed, of_width
from freqopt.backends.numba.loop._movement import add, note
from freqopt.backends.numba.problems._kernel import ProblemKernel
from freqopt.optimizers import Rule

AHEAD = 8
"""Steps whose rows are asked for beforehand."""
_gather, _shrink = compiled(gather.py_func), compiled(shrink.py_func)
_made: dict[str, Callable[..., None]] = {}


class Part(NamedTuple):
    """What the loop holds of one table, all in C order."""

    matrices: Any
    """Table (N, d), gradients (M, d) and the tuple of element slots (N, d)."""
    row_slots: Any
    decayed_at: Any
    steps: Any
    """int64 (1,): batches seen."""
    rows: Any
    """int64 (S, M): rows of M occurrences in each of the S steps that are drawn at once."""
    moves: Any
    """Moves, or ()."""
    space: Any
    """For batched steps index, base and space of the fused step, else scratch (2, d)."""


def make_loop(
    problem: ProblemKernel,
    rule: Rule,
    dtype: Any,
    widths: tuple[int, ...],
    *,
    single: bool,
    tracked: bool,
) -> Callable[..., None]:
    """The compiled loop of a problem and a rule; one for all that share code.

    Parameters
    ----------
    problem : ProblemKernel
    rule : Rule
    dtype : of the tables
    widths : of each table
    single : bool
        Every table has one occurrence per step, and the rule allows the short way.
    tracked : bool
        Movement is kept up.

    Returns
    -------
    compiled function, see `loop` below
    """
    kernel, structure = find_kernel(rule, dtype)
    key = f"loop {problem.key} | {structure.key} | {widths} {single} {tracked} {rule.nonfinite}"
    if not single:
        key = f"{key} {rule.duplicates == 'squares'}"
    if key in _made:
        return _made[key]
    fixers = tuple(of_width(width) for width in widths)
    if single:
        step = _single_step(kernel, structure, fixers, tracked, rule.nonfinite == "raise")
    else:
        step = _batched_step(rule, dtype, structure, fixers, tracked)
    draw, gradient, matrices_of = problem.draw, problem.gradient, _matrices_of(fixers)

    @entry(key)
    def loop(
        seed: Any, run: Any, first: int, until: int, batch: int, data: Any, samples: Any,
        work: Any, parts: Any, options: Any, reached: Any,
    ) -> None:  # fmt: skip
        """Take the steps first .. until - 1, and say in reached[0] how far it got.

        samples: arrays (S, .), S being the steps drawn at once; parts: a Part for each table;
        options: what the rule's step needs. A step that is refused is the end.
        """
        data, samples, parts = borrowed(data), borrowed(samples), borrowed(parts)
        work, options = borrowed(work), borrowed(options)
        tables, grads = matrices_of(parts)
        ahead, t = samples[0].shape[0], first
        while t < until:
            count = min(ahead, until - t)
            draw(data, seed, run, t, count, batch, samples)
            for s in range(count):
                gradient(data, tables, samples, s, batch, grads, work)
                if not step(parts, t + s - first, s, count, options):
                    reached[0] = t + s
                    return
            t += count
        reached[0] = until

    _made[key] = loop
    return loop


def _matrices_of(fixers: tuple[Any, ...]) -> Callable[..., Any]:
    """A compiled function: tables and gradients of all parts, their widths fixed."""
    k = len(fixers) - 1
    fix = fixers[k]

    @inlined
    def last(parts: Any) -> Any:
        table, grads, _ = fix(parts[k].matrices)
        return (table,), (grads,)

    if k == 0:
        return last
    others = _matrices_of(fixers[:k])

    @inlined
    def every(parts: Any) -> Any:
        tables, grads = others(parts)
        table, grad = last(parts)
        return (*tables, *table), (*grads, *grad)

    return every


def _in_turn(fixers: tuple[Any, ...], visit: Callable[..., bool]) -> Callable[..., bool]:
    """A compiled function (parts, ...): `visit` on each part, until one gives False."""
    k = len(fixers) - 1
    fix = fixers[k]

    @inlined
    def last(parts: Any, n: int, s: int, count: int, options: Any) -> bool:
        return visit(fix(parts[k].matrices), parts[k], n, s, count, options)

    if k == 0:
        return last
    others = _in_turn(fixers[:k], visit)

    @inlined
    def every(parts: Any, n: int, s: int, count: int, options: Any) -> bool:
        return others(parts, n, s, count, options) and last(parts, n, s, count, options)

    return every


def _single_step(
    kernel: Any, structure: Any, fixers: tuple[Any, ...], tracked: bool, checked: bool
) -> Callable[..., bool]:
    scalars, around_at = kernel.scalars, around_of(structure)
    update = row_update(kernel, structure.real)

    @inlined
    def finite(matrices: Any, part: Any, n: int, s: int, count: int, h: Any) -> bool:
        _, grads, _ = matrices
        good = True
        for c in range(grads.shape[1]):
            good &= np.isfinite(grads[0, c])
        return good

    @inlined
    def visit(matrices: Any, part: Any, n: int, s: int, count: int, h: Any) -> bool:
        table, grads, elements = matrices
        i, width, scratch = part.rows[s, 0], table.shape[1], part.space
        if s + AHEAD < count:
            soon = part.rows[s + AHEAD, 0]
            prefetch((address(table, soon), *addresses(elements, soon)), width * table.itemsize)
            prefetch(addresses(part.row_slots, soon), 1)
        if tracked:
            note(part.moves, table, part.rows, s, grads)
        part.steps[0] += 1
        t = part.steps[0]
        update(
            table, elements, part.row_slots, part.decayed_at, i, address(grads, 0), 0,
            Visit(t, 1, True, width), scalars(h, t), around_at(h, t), scratch[0], scratch[1],
        )  # fmt: skip
        if tracked:
            add(part.moves, table)
        return True

    update_all = _in_turn(fixers, visit)
    if not checked:
        return update_all
    all_finite = _in_turn(fixers, finite)

    @inlined
    def step(parts: Any, n: int, s: int, count: int, h: Any) -> bool:
        return all_finite(parts, n, s, count, h) and update_all(parts, n, s, count, h)

    return step


def _batched_step(
    rule: Rule, dtype: Any, structure: Any, fixers: tuple[Any, ...], tracked: bool
) -> Callable[..., bool]:
    apply = compiled(make_apply(rule, dtype).py_func)
    around_at, real = around_of(structure), structure.real

    @inlined
    def accept(matrices: Any, part: Any, n: int, s: int, count: int, options: Any) -> bool:
        _, choices, limit, _, _ = options
        index, base, space = part.space
        base = base + n * (part.rows.shape[1] + 1)
        _gather(0, part.rows[s], part.matrices[1], choices, limit, index, base, space)
        return space[2][0] != REFUSED

    @inlined
    def visit(matrices: Any, part: Any, n: int, s: int, count: int, options: Any) -> bool:
        h, _, _, everyone, count_empty = options
        table, grads, elements = part.matrices
        index, base, space = part.space
        starts, ends = space[1], space[2]
        if tracked:
            note(part.moves, table, part.rows, s, grads)
        if count_empty or ends[0] > starts[0]:
            part.steps[0] += 1
            t = part.steps[0]
            around = around_at(h, t)
            if around.shrinks_all:
                _shrink(0, 1, table, real(around.shrink))
            base = base + n * (part.rows.shape[1] + 1)
            apply(
                0, table, elements, part.row_slots, part.decayed_at, grads, h, t, everyone,
                index, base, space,
            )  # fmt: skip
        if tracked:
            add(part.moves, table)
        return True

    accept_all, update_all = _in_turn(fixers, accept), _in_turn(fixers, visit)

    @inlined
    def step(parts: Any, n: int, s: int, count: int, options: Any) -> bool:
        accepted = accept_all(parts, n, s, count, options)
        return accepted and update_all(parts, n, s, count, options)

    return step
