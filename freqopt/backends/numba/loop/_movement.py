"""The sums of `freqopt.backends._movement.Movement`, kept up inside the loop."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from freqopt.backends import Movement
from freqopt.backends.numba.arithmetic._rows import fold
from freqopt.backends.numba.jit._compile import inlined
from freqopt.backends.numba.loop._arrays import Read


class Moves(NamedTuple):
    """One table's sums, and memory for one step of M occurrences."""

    moved: Any
    pushed: Any
    visits: Any
    before: Any
    """(M, d): each distinct row before the step."""
    total: Any
    """float64 (M, d): the sum of its gradients."""
    distinct: Any
    """int64 (M,): the distinct rows, in the order in which they first come."""
    first: Any
    """int64 (M,): where in `Read.matrices` their first occurrence is."""
    place: Any
    """int64 (N,): where in `distinct` a row is, if it is there at all."""
    count: Any
    """int64 (1,): distinct rows."""
    work: Any
    """float64 (d,)."""


def moves(movement: Movement, width: int, dtype: Any, occurrences: int) -> Moves:
    """Memory for the movement of a table."""
    return Moves(
        movement.moved,
        movement.pushed,
        movement.visits,
        np.empty((occurrences, width), dtype),
        np.empty((occurrences, width)),
        np.empty(occurrences, np.int64),
        np.empty(occurrences, np.int64),
        np.zeros(movement.visits.size, np.int64),
        np.zeros(1, np.int64),
        np.empty(width),
    )


@inlined
def note(table: Read, s: int) -> None:
    """Keep what step s is about to change: the rows that it reads, and their gradients."""
    m, rows, places = table.moves, table.rows, table.places
    read, grads = table.matrices
    width, count = read.shape[1], 0
    for b in range(rows.shape[1]):
        i = rows[s, b]
        e = m.place[i]
        if e >= count or m.distinct[e] != i:
            e, count = count, count + 1
            m.place[i], m.distinct[e], m.first[e] = e, i, places[s, b]
            for c in range(width):
                m.before[e, c], m.total[e, c] = read[places[s, b], c], 0.0
        for c in range(width):
            m.total[e, c] += grads[b, c]
    m.count[0] = count


@inlined
def add(table: Read) -> None:
    """`Movement.add` of the rows that were noted, after the step."""
    m, read = table.moves, table.matrices[0]
    width = read.shape[1]
    for e in range(m.count[0]):
        i = m.distinct[e]
        for c in range(width):
            change = np.float64(read[m.first[e], c]) - m.before[e, c]
            m.work[c] = change * change
        m.moved[i] += np.sqrt(fold(m.work, width))
        for c in range(width):
            m.work[c] = m.total[e, c] * m.total[e, c]
        m.pushed[i] += np.sqrt(fold(m.work, width))
        m.visits[i] += 1
