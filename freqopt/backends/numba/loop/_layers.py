"""Tables kept as two layers, `freqopt.tables.factorised`: their rows, and the layers' gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from freqopt.backends.numba.arithmetic._fold import fold_rows
from freqopt.backends.numba.arithmetic._rows import fold
from freqopt.backends.numba.jit._compile import inlined
from freqopt.backends.numba.loop._arrays import Read
from freqopt.tables import FactorisedTable


class Layers(NamedTuple):
    """One table's layers, and memory for one step of M occurrences."""

    first: Any
    """W1 (N, k)."""
    second: Any
    """W2 (k, d)."""
    beside: Any
    """(N, c): columns before W."""
    of_first: Any
    """(M, k): its gradient, per occurrence."""
    of_second: Any
    """(k, d)."""
    of_beside: Any
    """(M, c)."""
    work: Any
    """(max(k, M) d,)."""


def layers(table: FactorisedTable, occurrences: int) -> Layers:
    """Memory for a table's layers."""
    (_, inner), (_, width), dtype = table.first.shape, table.second.shape, table.first.dtype
    return Layers(
        table.first,
        table.second,
        table.beside,
        np.zeros((occurrences, inner), dtype),
        np.zeros((inner, width), dtype),
        np.zeros((occurrences, table.beside.shape[1]), dtype),
        np.zeros(max(inner, occurrences) * width, dtype),
    )


@inlined
def collapse(table: Read, s: int) -> None:
    """The rows of W = W1 W2 that step s reads, `FactorisedTable.__getitem__`."""
    rows, _ = table.matrices
    layers, work = table.layers, table.layers.work
    (inner, width), columns = layers.second.shape, layers.beside.shape[1]
    for n in range(rows.shape[0]):
        i = table.rows[s, n]
        for k in range(inner):
            for c in range(width):
                work[k * width + c] = layers.first[i, k] * layers.second[k, c]
        fold_rows(work, inner, width)
        for c in range(columns):
            rows[n, c] = layers.beside[i, c]
        for c in range(width):
            rows[n, columns + c] = work[c]


@inlined
def split(table: Read, s: int, to_first: bool, to_second: bool) -> None:
    """The gradients of the layers from those of the rows, `FactorisedTable.batches`; (6.1)."""
    _, grads = table.matrices
    layers, work = table.layers, table.layers.work
    (inner, width), columns = layers.second.shape, layers.beside.shape[1]
    for n in range(grads.shape[0]):
        for c in range(columns):
            layers.of_beside[n, c] = grads[n, c]
    for k in range(inner):
        for n in range(grads.shape[0] if to_first else 0):
            for c in range(width):
                work[c] = grads[n, columns + c] * layers.second[k, c]
            layers.of_first[n, k] = fold(work, width)
        if to_second:
            for n in range(grads.shape[0]):
                i = table.rows[s, n]
                for c in range(width):
                    work[n * width + c] = layers.first[i, k] * grads[n, columns + c]
            fold_rows(work, grads.shape[0], width)
            for c in range(width):
                layers.of_second[k, c] = work[c]
