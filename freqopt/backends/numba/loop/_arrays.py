"""What the loop holds of each table, and of each array that a rule moves."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from freqopt.backends.numba.jit._compile import inlined
from freqopt.backends.numba.loop._borrow import of_width


class Read(NamedTuple):
    """One table of the problem, as its gradient reads it."""

    matrices: Any
    """Rows (., d) and gradients (M, d): M occurrences per step."""
    rows: Any
    """int64 (S, M): the table's row of each occurrence, in the S steps that are drawn at once."""
    places: Any
    """int64 (S, M): where in `matrices[0]` that row is."""
    layers: Any
    """Layers, or () for a plain table."""
    moves: Any
    """Moves, or ()."""


class Part(NamedTuple):
    """One array that the rule moves."""

    matrices: Any
    """Array (N, d), gradients (M, d) and the tuple of element slots (N, d)."""
    row_slots: Any
    decayed_at: Any
    steps: Any
    """int64 (1,): batches seen."""
    rows: Any
    """int64 (S, M): rows of M occurrences in each of the S steps that are drawn at once."""
    space: Any
    """For batched steps index, base and space of the fused step, else scratch (2, d)."""
    critical: Any
    """Critical of a fixed-memory rule as a plain tuple, or ()."""


@cache
def matrices_of(widths: tuple[int, ...]) -> Callable[..., Any]:
    """A compiled function: what the gradient reads, its gradients, and places of all tables.

    The width of each table's rows is a constant from here on.
    """
    k = len(widths) - 1
    fix = of_width(widths[k])

    @inlined
    def last(tables: Any) -> Any:
        rows, grads = fix(tables[k].matrices)
        return (rows,), (grads,), (tables[k].places,)

    if k == 0:
        return last
    others = matrices_of(widths[:k])

    @inlined
    def every(tables: Any) -> Any:
        rows, grads, places = others(tables)
        row, grad, place = last(tables)
        return (*rows, *row), (*grads, *grad), (*places, *place)

    return every


def in_turn(visits: tuple[Callable[..., bool], ...]) -> Callable[..., bool]:
    """A compiled function (items, n, s, count, options): visits[k] on items[k], in turn.

    Until one gives False, which is then the result.
    """
    k = len(visits) - 1
    visit = visits[k]

    @inlined
    def last(items: Any, n: int, s: int, count: int, options: Any) -> bool:
        return visit(items[k], n, s, count, options)

    if k == 0:
        return last
    others = in_turn(visits[:k])

    @inlined
    def every(items: Any, n: int, s: int, count: int, options: Any) -> bool:
        return others(items, n, s, count, options) and last(items, n, s, count, options)

    return every
