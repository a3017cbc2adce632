"""The update of one row: the common axes, in their one place, around a rule's kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from freqopt.backends.numba.arithmetic._elementary import integer_power
from freqopt.backends.numba.arithmetic._rows import clip, fold, scale
from freqopt.backends.numba.jit._compile import compiled, inlined
from freqopt.backends.numba.jit._memory import (
    Reals,
    address,
    addresses,
    items,
    rounded,
    set_items,
    sweep,
)
from freqopt.backends.numba.rule._scalars import RowAxes
from freqopt.kernels import Kernel, Visit


def row_update(kernel: Kernel, real: Any, *, own_squares: bool = False) -> Callable[..., None]:
    """Compose the update of one row, in place, from a rule's kernel.

    Parameters
    ----------
    kernel : Kernel
    real : numba.float32 or numba.float64
        The table's dtype.
    own_squares : bool
        The squares x come from memory (duplicates = "squares"); else x = g^2.

    Returns
    -------
    compiled function (table, elements, rows, decayed_at, i, g, squares, visit, c, axes, work,
    decayed)
        table (N, d); elements, rows: tuples of the element slots (N, d) and row slots (N,), as
        declared; decayed_at int64 (N,), of any length without lazy decay. g and squares are the
        addresses of the row's combined gradient and of its sum of squares. c is what
        kernel.scalars gave, axes what `row_axes_of` gave. work and decayed (d,) hold nothing of
        value.
    """
    row, element, term, largest = kernel.row, kernel.element, kernel.term, kernel.largest
    summed = term is not None

    @compiled
    def entry(fixed: tuple[Reals, Reals], old: Reals, given: Reals) -> Reals:
        g = given[0]
        x = given[1] if own_squares else g * g
        w, e = element(fixed[0], fixed[1], old[0], g, x, old[1:])
        return (w, *e)

    @compiled
    def one_term(_: Any, old: Reals, given: Reals) -> Reals:
        g = given[0]
        x = given[1] if own_squares else g * g
        return (term(g, x),)  # type: ignore[misc]

    @compiled
    def plus_decay(l2: Any, old: Reals, given: Reals) -> Reals:
        return (given[0] + l2 * given[1],)

    @inlined
    def statistic(given: Reals, work: Any, width: int) -> Any:
        sweep(one_term, (), (address(work, 0),), given, width, real)
        if not largest:
            return fold(work, width)
        most = work[0]
        for j in range(1, width):
            if work[j] > most or np.isnan(work[j]):
                most = work[j]
        return most

    @inlined
    def update(
        table: Any,
        elements: tuple[Any, ...],
        rows: tuple[Any, ...],
        decayed_at: Any,
        i: int,
        g: int,
        squares: int,
        visit: Visit,
        c: Reals,
        axes: RowAxes,
        work: Any,
        decayed: Any,
    ) -> None:
        w, width = address(table, i), table.shape[1]
        if axes.shrinks_updated:
            scale(table, i, real(axes.shrink))
        if axes.shrinks_lazily:
            missed = visit.t - decayed_at[i]
            scale(table, i, real(integer_power(axes.shrink, missed)))
            decayed_at[i] = visit.t
        if axes.l2 != 0:
            sweep(plus_decay, real(axes.l2), (address(decayed, 0),), (g, w), width, real)
            g = address(decayed, 0)
        given = (g, squares) if own_squares else (g,)
        total = real(0)
        if summed:
            total = statistic(given, work, width)
        r, s = row(c, items(rows, i), visit, total)
        set_items(rows, i, s)
        sweep(entry, (rounded(c, real), r), (w, *addresses(elements, i)), given, width, real)
        if axes.max_norm < np.inf:
            clip(table, i, real(axes.max_norm), work)

    return update
