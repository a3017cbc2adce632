"""Fixed-memory rules: the buffer of critical gradients, compiled.

What `freqopt.optimizers._critical_buffer` means, on the same arrays. A stored gradient is zero but
for the rows of its batch, so beside each goes the list of those rows: the *union* of the lists and
of the batch is all that is read, moved or stored, and no dense gradient is ever formed. Every row
of the union is visited once: sum over the buffer in slot order, store, step. A running sum, which
would save the sum over the buffer, has other bits (what is taken off again leaves rounding errors
behind) and is not used.

Four stages: `measure` each entry's norm, `offer` the gradient to the buffer, the rows one by one
(`recall_row`), and `remember` which rows the new gradient holds.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from freqopt.backends.numba.arithmetic._rows import fold
from freqopt.backends.numba.batch._norms import ascending, copy
from freqopt.backends.numba.batch._space import Space
from freqopt.backends.numba.jit._compile import compiled, entry
from freqopt.backends.numba.streams._philox import Key, multiply_wide, word_at
from freqopt.kernels import choices
from freqopt.optimizers._critical import FixedMemory

# The choices of the fields `aggregation`, `policy` and `insertion`, in their order.
CHOICES = {name: choices(FixedMemory, name) for name in ("aggregation", "policy", "insertion")}
SUM, MID, MEAN, MIN, MEDIAN, MAX, MIN_MEAN, MEDIAN_MEAN, MAX_MEAN = range(9)
TOP, BOTTOM, FIFO, RANDOM = range(4)
AFTER, BEFORE, BUFFER_ONLY = range(3)
AGGREGATION, POLICY, INSERTION, TRUE_MINIMUM, ACCEPTANCE_TEST, KAPPA_IN_PLACE = range(6)
"""Places of `Critical.codes`: three choices; three whether."""
FACTOR, PRIORITY_DECAY, MAX_AGE, STORED_DECAY = range(4)
"""Places of `Critical.numbers`; no age is too old at inf."""
SLOTS_BEFORE, IN_AGGREGATE, SLOTS_AFTER, CHOSEN, CHANGES, BATCH_ROWS, UNION_ROWS = range(7)
"""Places of `Critical.decided`: slots before the step, in the aggregate, and after the step; the
aggregate's chosen place; whether any slot changes; rows of the batch, and of the union."""


class Critical(NamedTuple):
    """The buffer of one table, and memory for one step; C gradients of N rows of d numbers.

    As `Space`, kernels are called with it as a plain tuple, and name it themselves.
    """

    buffer: Any
    """(C N, d): row i of slot k is at k N + i."""
    priorities: Any
    born: Any
    length: Any
    """int64 (1,), as the next two."""
    accepted: Any
    rejected: Any
    codes: Any
    """int64 (6,), see AGGREGATION."""
    numbers: Any
    """float64 (4,), see FACTOR."""
    key: Any
    """uint64 (3,): seed, run and purpose of policy random."""
    lists: Any
    """int64 (C + 1, .): rows of each stored gradient; (C + 1, 0) where all rows are stored."""
    sizes: Any
    which: Any
    """int64 (C + 1,): the list of each slot; unused ones behind."""
    union: Any
    """int64 (.,): the rows of the batch, then those of the lists."""
    seen: Any
    """int64 (N,): the last batch whose union held the row."""
    aggregated: Any
    """int64 (C + 1,): slots of the aggregate."""
    stays: Any
    """int64 (C + 1,): slots that stay, C standing for the new gradient."""
    places: Any
    """int64 (C + 1,): memory for sorting."""
    decided: Any
    """int64 (7,), see SLOTS_BEFORE."""
    ranks: Any
    """float64 (C + 1,): priorities, the new gradient's behind."""
    norms: Any
    """float64 (.,): squared norms of the entries."""
    sorted_norms: Any
    """The same in ascending order of rows."""
    norm: Any
    """float64 (1,): of the batch's gradient, for the loop."""
    wide: Any
    """float64 (parts, d)."""
    scratch: Any
    """(parts, C + 4, d)."""


@compiled
def measure(part: int, grads: Any, space: Space, critical: Critical) -> None:
    """Squared float64 norm of every entry of a part."""
    place, work = space.place, critical.wide[part]
    for e in range(space.starts[part], space.ends[part]):
        source, at = (grads, place[e]) if place[e] >= 0 else (space.sums, ~place[e])
        for j in range(grads.shape[1]):
            g = np.float64(source[at, j])
            work[j] = g * g
        critical.norms[e] = fold(work, work.size)


@compiled
def norm_of(space: Space, critical: Critical) -> float:
    """L2 norm of the batch's gradient: its rows in ascending order."""
    sorted_norms, count = critical.sorted_norms, ascending(space)
    if count == 0:
        return 0.0
    for k in range(count):
        sorted_norms[k] = critical.norms[space.own[k]]
    return math.sqrt(fold(sorted_norms, count))


@compiled
def _smallest(ranks: Any, slots: Any, count: int, true_minimum: bool) -> int:
    """The stored item that counts as the smallest."""
    least = 0
    for k in range(1, count if true_minimum else 0):
        if ranks[slots[k]] < ranks[slots[least]]:
            least = k
    return least


@compiled
def _heapify(ranks: Any, slots: Any, count: int) -> None:
    """CPython's heapq.heapify: every parent, from the last one, down to a leaf and up again."""
    for parent in range(count // 2 - 1, -1, -1):
        at, item = parent, slots[parent]
        while 2 * at + 1 < count:
            child = 2 * at + 1
            if child + 1 < count and not ranks[slots[child]] < ranks[slots[child + 1]]:
                child += 1
            slots[at] = slots[child]
            at = child
        while at > parent and ranks[item] < ranks[slots[(at - 1) // 2]]:
            slots[at] = slots[(at - 1) // 2]
            at = (at - 1) // 2
        slots[at] = item


@compiled
def _median(ranks: Any, slots: Any, count: int, places: Any) -> int:
    """Place of the upper median among the slots, equal priorities in order."""
    for k in range(count):
        at = k
        while at > 0 and ranks[slots[k]] < ranks[slots[places[at - 1]]]:
            places[at] = places[at - 1]
            at -= 1
        places[at] = k
    return places[count // 2]


@compiled
def offer(norm: float, t: int, critical: Critical) -> None:
    """Decide about the gradient of batch t: which slots are aggregated, and which stay, (1), (2).

    Priorities, born and counts are those after the step when this returns; the gradients in the
    buffer follow row by row.
    """
    priorities, born, ranks = critical.priorities, critical.born, critical.ranks
    capacity, decided = born.size, critical.decided
    aggregated, stays, places = critical.aggregated, critical.stays, critical.places
    codes, fade = critical.codes, critical.numbers[PRIORITY_DECAY]
    max_age = critical.numbers[MAX_AGE]
    kind, policy, insertion = codes[AGGREGATION], codes[POLICY], codes[INSERTION]
    true_minimum = codes[TRUE_MINIMUM]

    old = critical.length[0]
    copy(priorities, ranks, old)
    count = 0
    for k in range(old):
        if t - born[k] <= max_age:
            aggregated[count] = stays[count] = k
            count += 1
    now = count
    if policy == FIFO:
        ranks[capacity] = float(t)
    elif policy == BOTTOM:
        ranks[capacity] = 1 / norm if norm != 0 else math.inf
    else:
        ranks[capacity] = norm
    full, taken = count == capacity, True
    if full and codes[ACCEPTANCE_TEST]:
        taken = ranks[capacity] > ranks[stays[_smallest(ranks, stays, count, true_minimum)]]
        critical.accepted[0] += taken
        critical.rejected[0] += not taken
    if taken:
        if full and policy == RANDOM:
            key = Key(critical.key[0], critical.key[1], critical.key[2])
            high, _ = multiply_wide(word_at(key, t, 0, 0), np.uint64(count))
            stays[high] = capacity
        else:
            stays[count] = capacity
            count += 1
        kept = 0
        for k in range(count):
            if ranks[stays[k]] >= 0:  # a NaN priority leaves
                stays[kept] = stays[k]
                kept += 1
        count = kept
        _heapify(ranks, stays, count)
        if count > capacity:
            for k in range(capacity):
                stays[k] = stays[k + 1]
            count = capacity
    if insertion != AFTER:
        copy(stays, aggregated, count)
        now = count

    changes = count != old
    for k in range(count):
        changes |= stays[k] != k
    chosen = 0
    if now > 0 and kind in (MIN, MIN_MEAN):
        chosen = _smallest(ranks, aggregated, now, true_minimum)
    elif now > 0 and kind in (MEDIAN, MEDIAN_MEAN):
        chosen = _median(ranks, aggregated, now, places)
    elif kind in (MAX, MAX_MEAN):
        for k in range(1, now):
            if ranks[aggregated[k]] > ranks[aggregated[chosen]]:
                chosen = k
    decided[SLOTS_BEFORE], decided[IN_AGGREGATE], decided[SLOTS_AFTER] = old, now, count
    decided[CHOSEN], decided[CHANGES] = chosen, changes

    for k in range(count):
        places[k] = t if stays[k] == capacity else born[stays[k]]
    for k in range(capacity):
        born[k] = places[k] if k < count else 0
        priorities[k] = ranks[stays[k]] if k < count else 0.0
        if policy != FIFO:
            priorities[k] *= fade  # (3)
    critical.length[0] = count


@compiled
def unite(t: int, space: Space, critical: Critical) -> None:
    """List the union's rows, those of the batch first, and say in `seen` which they are."""
    row, starts, ends = space.row, space.starts, space.ends
    union, seen, count = critical.union, critical.seen, 0
    for part in range(ends.size):
        for e in range(starts[part], ends[part]):
            union[count], seen[row[e]] = row[e], t
            count += 1
    critical.decided[BATCH_ROWS] = count
    for held in range(critical.sizes.size):
        for n in range(critical.sizes[held]):
            i = critical.lists[held, n]
            if seen[i] != t:
                union[count], seen[i] = i, t
                count += 1
    critical.decided[UNION_ROWS] = count


@compiled
def remember(critical: Critical) -> None:
    """Move the lists as the slots moved, and note the rows of a gradient that was stored."""
    stays, moved, decided = critical.stays, critical.places, critical.decided
    which, sizes, capacity = critical.which, critical.sizes, critical.born.size
    count, here = decided[SLOTS_AFTER], decided[BATCH_ROWS]
    if not decided[CHANGES] or not critical.lists.shape[1]:
        return
    copy(which, moved, capacity + 1)
    free = count
    for k in range(capacity + 1):  # lists of slots that left go behind
        used = False
        for n in range(count):
            used |= stays[n] == k
        if not used:
            which[free] = moved[k]
            sizes[moved[k]] = 0
            free += 1
    for k in range(count):
        which[k] = moved[stays[k]]
        if stays[k] == capacity:
            sizes[which[k]] = here
            copy(critical.union, critical.lists[which[k]], here)


@entry("measure")
def measure_part(part: int, grads: Any, space: Any, critical: Any) -> None:
    """`measure`, for Python."""
    measure(part, grads, Space(*space), Critical(*critical))


@entry("norm of all")
def norm_of_all(space: Any, critical: Any) -> float:
    """`norm_of`, for Python."""
    return norm_of(Space(*space), Critical(*critical))


@entry("measure whole")
def measure_whole(grads: Any, space: Any, critical: Any) -> None:
    """`measure` and `norm_of` of a batch of one part, for the loop."""
    space, critical = Space(*space), Critical(*critical)
    measure(0, grads, space, critical)
    critical.norm[0] = norm_of(space, critical)


@entry("offer")
def offer_all(norm: float, t: int, space: Any, critical: Any) -> None:
    """`offer` and `unite`, for Python."""
    critical = Critical(*critical)
    offer(norm, t, critical)
    unite(t, Space(*space), critical)


@entry("remember")
def remember_all(critical: Any) -> None:
    """`remember`, for Python."""
    remember(Critical(*critical))
