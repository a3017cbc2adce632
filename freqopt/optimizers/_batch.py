"""A batch on its way into a rule: validated, cleaned, its duplicates combined.

This is the vectorised half; `_slow.py` does the same with scalar loops and shares nothing with it.
Order, and each stage is an axis of `Rule`: padding dropped, non-finite policy, sign, clipping of
occurrences, duplicates combined, zero rows dropped, clipping of rows or of the whole batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import BatchError, GradientError, RowError
from freqopt.streams.fold import fold
from freqopt.typing import Floats, Integers

if TYPE_CHECKING:
    from freqopt.optimizers._rule import Rule


@dataclass(frozen=True)
class Batch:
    """Distinct rows with one combined gradient each.

    Attributes
    ----------
    rows : int64 (U,)
        Ascending and distinct.
    grads : float32 or float64 (U, d)
        Combined gradient of each row.
    occurrences : int64 (U,)
        How many occurrences were combined.
    squares : float32 or float64 (U, d), or None
        Sum of the squares of the occurrences, with `duplicates="squares"` only.
    """

    rows: Integers
    grads: Floats
    occurrences: Integers
    squares: Floats | None = None

    def take(self, keep: NDArray[np.bool_]) -> Batch:
        """Some of the rows.

        Parameters
        ----------
        keep : bool (U,)
            Which.

        Returns
        -------
        Batch
        """
        squares = None if self.squares is None else self.squares[keep]
        return Batch(self.rows[keep], self.grads[keep], self.occurrences[keep], squares)


def check_table(table: Floats) -> None:
    """Refuse anything but a writable two-dimensional float32 or float64 table."""
    if not isinstance(table, np.ndarray) or table.ndim != 2:
        raise BatchError(
            f"the table is {_shape(table)}, expected a NumPy array of shape (N, d); "
            "reshape a vector to (N, 1)"
        )
    if table.dtype not in (np.float32, np.float64):
        raise BatchError(f"the table is {table.dtype}, expected float32 or float64; convert it")
    if table.shape[0] == 0 or table.shape[1] == 0:
        raise BatchError(f"the table has shape {table.shape}, expected at least one row and column")
    if not table.flags.writeable:
        raise BatchError("the table is read-only, and a step updates it in place; pass a copy")


def check_batch(table: Floats, rows: Integers, grads: Floats) -> tuple[Integers, Floats]:
    """The batch as (int64 (B,), table dtype (B, d)), or an error before anything is changed."""
    check_table(table)
    size, width = table.shape
    try:
        rows, grads = np.asarray(rows), np.asarray(grads)
    except ValueError:  # no GradientError: a run would take it for its divergence
        raise BatchError(
            "rows or grads is ragged: its parts differ in length; expected integers of shape (B,) "
            f"and gradients of shape (B, {width})"
        ) from None
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise BatchError(
            f"rows is {rows.dtype} of shape {rows.shape}, expected integers of shape (B,); "
            "use rows.astype(numpy.int64) on whole numbers"
        )
    if grads.shape != (rows.size, width):
        raise BatchError(
            f"grads has shape {grads.shape}, expected {(rows.size, width)}: one gradient per "
            "occurrence, as wide as the table; an empty batch has grads of shape (0, d)"
        )
    if grads.dtype != table.dtype:
        raise BatchError(
            f"grads is {grads.dtype} and the table {table.dtype}; expected the same dtype, "
            f"use grads.astype(numpy.{table.dtype})"
        )
    # uint64 above 2^63 must not wrap to a negative row: compare before converting.
    bad = np.flatnonzero((rows < 0) | (rows >= size))
    if bad.size:
        raise RowError(
            f"row {rows[bad[0]]} at occurrence {bad[0]} is outside the table (0 <= row < {size}). "
            "Likely causes: (a) ids were hashed to a larger range than the table; (b) a padding id "
            "-1 reached the optimizer. Mend the ids, or drop padding occurrences before the step"
        )
    return rows.astype(np.int64), grads


def preprocess(rule: Rule, table: Floats, rows: Integers, grads: Floats) -> list[Batch]:
    """Turn raw occurrences into the batches a rule applies one after the other.

    Returns one batch, or in the dialect `duplicates="sequential"` one per repetition, so that
    each holds a row at most once. An empty list means an empty batch.
    """
    rows, grads = check_batch(table, rows, grads)
    if rule.padding_row is not None:
        keep = rows != rule.padding_row
        rows, grads = rows[keep], grads[keep]
    if rule.nonfinite != "propagate":
        finite = np.isfinite(grads).all(axis=1)
        if rule.nonfinite == "raise" and not finite.all():
            where = int(np.argmin(finite))
            raise GradientError(
                f"the gradient of row {rows[where]} at occurrence {where} holds NaN or inf; "
                "expected finite numbers. Find its source, or choose nonfinite='skip' (drop such "
                "occurrences) or 'propagate'"
            )
        rows, grads = rows[finite], grads[finite]
    if rule.maximize:
        grads = -grads
    if rule.clip is not None and rule.clip_scope == "occurrence":
        grads = clip_rows(grads, rule.clip)
    if rule.rows == "nonzero" and rule.duplicates == "sequential":
        moving = (grads != 0).any(axis=1)  # the first round is of the first non-zero occurrences
        rows, grads = rows[moving], grads[moving]
    batches = [_shape_batch(rule, b) for b in _combine(rule.duplicates, rows, grads)]
    return [b for b in batches if b.rows.size]


def clip_rows(grads: Floats, limit: float) -> Floats:
    """Scale each row of grads (n, d) down to Euclidean norm `limit` if it is longer."""
    norm = np.sqrt(fold(grads * grads))[:, None]
    long = norm > limit
    return np.where(long, grads * (limit / np.where(long, norm, 1)), grads)


def _shape_batch(rule: Rule, batch: Batch) -> Batch:
    """Drop zero rows and clip, as the rule's axes say."""
    if rule.rows == "nonzero":
        batch = batch.take((batch.grads != 0).any(axis=1))
    if rule.clip is not None and rule.clip_scope == "row":
        batch = replace(batch, grads=clip_rows(batch.grads, rule.clip))
    if rule.clip is not None and rule.clip_scope == "batch":
        norm = np.sqrt(fold(fold(batch.grads * batch.grads)))
        if norm > rule.clip:
            batch = replace(batch, grads=batch.grads * (rule.clip / norm))
    return batch


def _combine(how: str, rows: Integers, grads: Floats) -> Iterator[Batch]:
    """Combine the occurrences of each row; sums run in occurrence order from the first one."""
    if rows.size == 1:  # the common case of single-sample steps, not worth a sort
        single = grads * grads if how == "squares" else None
        yield Batch(rows, grads, np.ones(1, np.int64), single)
        return
    distinct, first, inverse, count = np.unique(
        rows, return_index=True, return_inverse=True, return_counts=True
    )
    if how == "sequential":
        for members in _rounds(inverse, count):
            order = members[np.argsort(rows[members])]
            yield Batch(rows[order], grads[order], np.ones(order.size, np.int64))
        return
    if how == "first":
        combined = grads[first]
    elif how == "last":
        last = rows.size - 1 - np.unique(rows[::-1], return_index=True)[1]
        combined = grads[last]
    else:
        combined = _sum(grads, first, inverse)
    squares = _sum(grads * grads, first, inverse) if how == "squares" else None
    if how == "mean":
        combined = combined / count[:, None].astype(grads.dtype)
    elif how == "sqrt_count":
        combined = combined / np.sqrt(count[:, None].astype(grads.dtype))
    yield Batch(distinct, combined, count.astype(np.int64), squares)


def _sum(values: Floats, first: Integers, inverse: Integers) -> Floats:
    """Sum values (B, d) by row: start from the first occurrence, add the others in order."""
    total = values[first]
    later = np.ones(len(values), dtype=bool)
    later[first] = False
    np.add.at(total, inverse[later], values[later])  # ufunc.at is unbuffered: strictly in order
    return total


def _rounds(inverse: Integers, count: Integers) -> Iterator[Integers]:
    """Positions of the first occurrence of every row, then of the second, and so on."""
    order = np.argsort(inverse, kind="stable")
    start = np.cumsum(count) - count
    rank = np.empty_like(inverse)
    rank[order] = np.arange(inverse.size) - np.repeat(start, count)
    for k in range(int(count.max(initial=0))):
        yield np.flatnonzero(rank == k)


def densify(batches: list[Batch], table: Floats) -> Batch:
    """One batch that names every row; absent rows have gradient zero and no occurrences."""
    size = len(table)
    if len(batches) == 1 and batches[0].rows.size == size:
        return batches[0]
    grads, occurrences = np.zeros_like(table), np.zeros(size, np.int64)
    squares = None
    for batch in batches:
        grads[batch.rows] = batch.grads
        occurrences[batch.rows] = batch.occurrences
        if batch.squares is not None:
            squares = np.zeros_like(table)
            squares[batch.rows] = batch.squares
    return Batch(np.arange(size), grads, occurrences, squares)


def _shape(value: object) -> str:
    return f"of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
