"""The batch on its way into a rule, compiled: what `freqopt.optimizers._batch.preprocess` means.

Nothing but the workspace is written here. Each part leaves *entries*: a row, and where its combined
gradient is. An entry of a single occurrence points into the batch itself; only sums, and gradients
that are changed on the way, are stored.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from freqopt.backends.numba.arithmetic._rows import clip, squared_norm
from freqopt.backends.numba.batch._index import entry_at, place_of, set_entry
from freqopt.backends.numba.batch._partition import in_range, partition
from freqopt.backends.numba.batch._space import Space
from freqopt.backends.numba.jit._compile import compiled, entry
from freqopt.backends.numba.jit._memory import Reals, address, prefetch, prefetch_stream, sweep

# The choices of the fields `duplicates`, `nonfinite` and `clip_scope`, in their order.
SUM, SEQUENTIAL, MEAN, SQRT_COUNT, LAST, FIRST, SQUARES = range(7)
RAISE, SKIP, PROPAGATE = range(3)
OCCURRENCE, ROW, BATCH = range(3)
REFUSED = -1
NOWHERE = -1
AHEAD = 24
"""Occurrences whose index entry is asked for beforehand."""


@entry("preprocess")
def preprocess(
    part: int, rows: Any, size: int, grads: Any, options: Any, limit: Any, index: Any, base: int,
    space: Any,
) -> None:  # fmt: skip
    """Turn the occurrences of a part's rows into entries, and say in `ends` where they end.

    Parameters
    ----------
    part : int
    rows : int64 (B,)
    size : int
        Rows of the table; the batch is refused if one of `rows` is not in [0, size).
    grads : (B, d)
    options : int64 (7,)
        How duplicates combine, what non-finite occurrences meet, the padding row or -1, whether
        the sign is turned, what is clipped or -1, whether zeros are dropped, whether every
        entry's gradient is stored.
    limit : number of the table's dtype
        Largest norm, where something is clipped.
    index, base
        See `_index`.
    space
        `Workspace.space`, as a plain tuple.
    """
    how, policy, padding, negate, clipped, moving, stored = options
    space = Space(*space)
    ends, own, numbers, place, count = (
        space.ends,
        space.own,
        space.numbers,
        space.place,
        space.count,
    )
    sums, squares = space.sums, space.squares
    work, changed = space.scratch[part, 0], space.scratch[part, 1:2]
    most = limit if clipped == OCCURRENCE else limit - limit
    changes = negate != 0 or clipped == OCCURRENCE
    picks = how in (SEQUENTIAL, LAST, FIRST)

    if not in_range(rows, size):
        ends[part] = REFUSED
        return
    start, end, region = partition(part, rows, space)
    checked = policy == RAISE and how not in (LAST, FIRST)  # with the entries, see below
    if padding >= 0 or not (checked or policy == PROPAGATE):
        end = _admit(rows, grads, own, start, end, padding, PROPAGATE if checked else policy)
        if end == REFUSED:
            ends[part] = REFUSED
            return
    if moving and how == SEQUENTIAL:
        end = _drop_zeros(grads, own, start, end, negate, most, changed, work)
    last = _number(rows, start, end, how, index, base, region, space)

    if not stored:  # the gradient of an entry with one occurrence stays where it is
        end = start if picks else _keep_repeated(own, numbers, count, start, end)
    filled, bytes_a_row = start, grads.shape[1] * grads.itemsize
    for k in range(start, end):
        b, e = own[k], numbers[k]
        if k + AHEAD < end:
            prefetch_stream((address(grads, own[k + AHEAD]),), bytes_a_row)
        if picks and place[e] != b:
            continue
        first = place[e] >= 0
        if first:
            place[e] = ~filled
            filled += 1
        if changes:
            _change(grads, b, negate, most, changed, work)
            _store(sums, squares, ~place[e], changed, 0, first)
        else:
            _store(sums, squares, ~place[e], grads, b, first)

    # A sum with a term that is not finite is not finite: look at all terms only if one is not.
    if checked:
        suspect = not _finite(sums, start, filled)
        if not _finite_in_place(grads, place, start, last) or (
            suspect and _admit(rows, grads, own, start, end, NOWHERE, RAISE) == REFUSED
        ):
            ends[part] = REFUSED
            return

    if how in (MEAN, SQRT_COUNT):
        for e in range(start, last):
            if count[e] > 1:
                _divide(sums, ~place[e], count[e], how == SQRT_COUNT, work)
    if moving:
        last = _drop_zero_entries(space, start, last)
    for e in range(start, last if clipped == ROW else start):
        clip(sums, ~place[e], limit, work)
    for e in range(start, last if clipped == BATCH else start):
        space.norms[0, e] = squared_norm(sums, ~place[e], work)
    ends[part] = last


@compiled
def _admit(rows: Any, grads: Any, own: Any, start: int, end: int, padding: int, policy: int) -> int:
    """Drop occurrences of the padding row, and those that are not finite or REFUSE them."""
    kept = start
    for k in range(start, end):
        b = own[k]
        finite = True
        if rows[b] == padding:
            continue
        if policy != PROPAGATE:
            for j in range(grads.shape[1]):
                finite &= np.isfinite(grads[b, j])
        if not finite and policy == RAISE:
            return REFUSED
        own[kept] = b
        kept += finite
    return kept


@compiled
def _finite(rows: Any, start: int, end: int) -> bool:
    """Whether rows start .. end - 1 are finite."""
    finite = True
    for i in range(start, end):
        for j in range(rows.shape[1]):
            finite &= np.isfinite(rows[i, j])
    return finite


@compiled
def _finite_in_place(grads: Any, place: Any, start: int, last: int) -> bool:
    """Whether the gradients of the entries that point into the batch are finite."""
    finite = True
    for e in range(start, last):
        if place[e] >= 0:
            for j in range(grads.shape[1]):
                finite &= np.isfinite(grads[place[e], j])
    return finite


@compiled
def _keep_repeated(own: Any, numbers: Any, count: Any, start: int, end: int) -> int:
    """Drop occurrences that are the only one of their entry; returns where the others end."""
    kept = start
    for k in range(start, end):
        b, e = own[k], numbers[k]
        own[kept], numbers[kept] = b, e
        kept += count[e] > 1
    return kept


@compiled
def _drop_zeros(
    grads: Any, own: Any, start: int, end: int, negate: bool, most: Any, changed: Any, work: Any
) -> int:
    """Drop occurrences whose gradient is zero as it enters the combination."""
    kept = start
    for k in range(start, end):
        _change(grads, own[k], negate, most, changed, work)
        own[kept] = own[k]
        kept += not _zero(changed, 0)
    return kept


@compiled
def _zero(rows: Any, i: int) -> bool:
    """Whether a row is zero."""
    zero = True
    for j in range(rows.shape[1]):
        zero &= rows[i, j] == 0
    return zero


@compiled
def _number(
    rows: Any, start: int, end: int, how: int, index: Any, base: int, region: Any, space: Space,
) -> int:  # fmt: skip
    """Give every row, or with SEQUENTIAL every occurrence, an entry; returns the end of entries.

    Whether a row is new cannot be guessed: what a new entry holds is written always, behind the
    others, and counts if the row is new.
    """
    own, row, place, count, rank = space.own, space.row, space.place, space.count, space.rank
    last = start
    for k in range(start, end):
        if index[0].size and k + AHEAD < end:
            prefetch((address(index[0], rows[own[k + AHEAD]]),), 4)
        b = own[k]
        at = place_of(index, region, base, rows[b])
        e = entry_at(index, base, at)
        new = e < 0 or how == SEQUENTIAL
        row[last], place[last], count[last] = rows[b], b, 0
        rank[last] = rank[e] + 1 if how == SEQUENTIAL and e >= 0 else 0
        e = last if new else e
        set_entry(index, base, at, rows[b], e)
        if how == LAST:
            place[e] = b
        count[e] += 1
        space.numbers[k] = e
        last += new
    return last


@compiled
def _change(grads: Any, b: int, negate: bool, most: Any, changed: Any, work: Any) -> None:
    """Occurrence b as it enters the combination, into changed[0]; most = 0 clips nothing."""
    for j in range(grads.shape[1]):
        changed[0, j] = -grads[b, j] if negate else grads[b, j]
    if most > 0:
        clip(changed, 0, most, work)


@compiled
def _same(_: Any, old: Reals, given: Reals) -> Reals:
    return given


@compiled
def _square(_: Any, old: Reals, given: Reals) -> Reals:
    return (given[0] * given[0],)


@compiled
def _sum(_: Any, old: Reals, given: Reals) -> Reals:
    return (old[0] + given[0],)


@compiled
def _sum_of_squares(_: Any, old: Reals, given: Reals) -> Reals:
    return (old[0] + given[0] * given[0],)


@compiled
def _store(sums: Any, squares: Any, s: int, grads: Any, b: int, first: bool) -> None:
    """Put occurrence b into sum s, or add it, and likewise its squares if they are kept."""
    g, total, width = (address(grads, b),), (address(sums, s),), grads.shape[1]
    if first:
        sweep(_same, (), total, g, width, sums.dtype)
    else:
        sweep(_sum, (), total, g, width, sums.dtype)
    if squares.shape[1] and first:
        sweep(_square, (), (address(squares, s),), g, width, sums.dtype)
    elif squares.shape[1]:
        sweep(_sum_of_squares, (), (address(squares, s),), g, width, sums.dtype)


@compiled
def _drop_zero_entries(space: Space, start: int, last: int) -> int:
    """Drop entries whose combined gradient is zero."""
    row, place, count, rank = space.row, space.place, space.count, space.rank
    kept = start
    for e in range(start, last):
        if not _zero(space.sums, ~place[e]):
            row[kept], place[kept], count[kept], rank[kept] = row[e], place[e], count[e], rank[e]
            kept += 1
    return kept


@compiled
def _divide(sums: Any, s: int, count: int, root: bool, work: Any) -> None:
    """Divide a sum by its count of occurrences, or by its root."""
    work[0] = count  # rounds it to the table's dtype
    divisor = np.sqrt(work[0]) if root else work[0]
    for j in range(sums.shape[1]):
        sums[s, j] /= divisor
