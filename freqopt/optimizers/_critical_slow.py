"""The critical-gradient buffer by scalar loops: a list of items and the standard library's heapq.

It transcribes the official step (`theory` MEM, section 3.4) and shares no function with
`_critical_buffer.py`; the two must agree bit for bit.
"""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, Any

from freqopt.optimizers._slow import Scalars, Visits, slow_sum
from freqopt.streams.stream import Stream

if TYPE_CHECKING:
    from freqopt.optimizers._critical import FixedMemory
    from freqopt.optimizers._slots import State

Matrix = list[Scalars]


class Item:
    """One stored gradient; items compare by priority alone."""

    def __init__(self, priority: float, gradient: Matrix, born: int) -> None:
        self.priority, self.gradient, self.born = priority, gradient, born

    def __lt__(self, other: Item) -> bool:
        return self.priority < other.priority


def slow_norm(visits: Visits) -> float:
    """L2 norm of a table's gradient: columns first, then the touched rows in ascending order."""
    rows = [slow_sum([float(x) * float(x) for x in visits[i][0][0]]) for i in sorted(visits)]
    return math.sqrt(slow_sum(rows)) if rows else 0.0


def slow_directions(
    rule: FixedMemory, table: Any, state: State, visits: Visits, norm: float | None
) -> Visits:
    """The aggregate for every row, in place of the gradients; the state's buffer is updated."""
    scalar, t = table.dtype.type, int(state["t"]) + 1
    if norm is None:
        norm = slow_norm(visits)
    zero = [scalar(0)] * table.shape[1]
    g = [list(visits[i][0][0]) if i in visits else list(zero) for i in range(len(table))]
    counts = [visits[i][0][2] if i in visits else 0 for i in range(len(table))]
    if rule.stores_decay and rule.decay == "l2" and rule.weight_decay > 0:
        wd = scalar(rule.weight_decay)
        for i, row in enumerate(g):
            g[i] = [row[j] + wd * table[i, j] for j in range(len(row))]

    items = _load(state)
    if rule.max_age is not None:
        items = [x for x in items if x.born >= t - rule.max_age]
    if rule.insertion == "after":
        direction = _aggregate(rule, scalar, items, g)
        items = _offer(rule, state, items, g, norm, t)
    else:
        items = _offer(rule, state, items, g, norm, t)
        direction = _aggregate(rule, scalar, items, g)
    if rule.policy != "fifo":
        for x in items:
            x.priority = rule.priority_decay * x.priority
    _store(state, items)
    return {i: [(direction[i], None, counts[i])] for i in range(len(table))}


def _aggregate(rule: FixedMemory, scalar: Any, items: list[Item], g: Matrix) -> Matrix:
    """Section 3.3."""
    if not items:
        return g
    kappa, one_more = scalar(rule.factor), scalar(len(items) + 1)
    picked = _picked(rule, items)
    direction = []
    for i in range(len(g)):
        row = []
        for j in range(len(g[i])):
            if picked is not None:
                recalled = kappa * picked.gradient[i][j]
                if rule.kappa_in_place:
                    picked.gradient[i][j] = recalled
                d = g[i][j] + recalled
            else:
                total = items[0].gradient[i][j]
                for x in items[1:]:
                    total = total + x.gradient[i][j]
                mean = total / scalar(len(items))
                if rule.insertion == "buffer_only":
                    d = kappa * (mean if rule.aggregation == "mean" else total)
                elif rule.aggregation == "mean":
                    d = (g[i][j] + kappa * total) / one_more
                else:
                    d = g[i][j] + kappa * mean
            if rule.aggregation in ("mid", "min-mean", "median-mean", "max-mean"):
                d = d / scalar(2)
            row.append(d)
        direction.append(row)
    return direction


def _picked(rule: FixedMemory, items: list[Item]) -> Item | None:
    """The one stored item that min, median and max use; None for the others."""
    match rule.aggregation.removesuffix("-mean"):
        case "min":
            return _smallest(rule, items)
        case "median":
            return sorted(items)[len(items) // 2]  # stable
        case "max":
            return max(items, key=lambda x: x.priority)  # the first on ties
    return None


def _smallest(rule: FixedMemory, items: list[Item]) -> Item:
    return min(items, key=lambda x: x.priority) if rule.threshold == "minimum" else items[0]


def _offer(
    rule: FixedMemory, state: State, items: list[Item], g: Matrix, norm: float, t: int
) -> list[Item]:
    """The items after the gradient g of step t was offered to the buffer."""
    priority = norm
    if rule.policy == "bottom":
        priority = math.inf if norm == 0 else 1 / norm
    if rule.policy == "fifo":
        priority = float(t)
    new = Item(priority, [list(row) for row in g], t)
    full = len(items) >= rule.capacity
    if full and rule.acceptance_test:
        if not new.priority > _smallest(rule, items).priority:
            state["rejected"] += 1
            return items
        state["accepted"] += 1
    if full and rule.policy == "random":
        word = Stream(rule.seed or 0, rule.run or 0, "critical_buffer").words(t, 1)[0]
        items[int(word) * rule.capacity // 2**64] = new
    else:
        items.append(new)
    items = [x for x in items if x.priority >= 0]
    heapq.heapify(items)
    return items[-rule.capacity :]


def _load(state: State) -> list[Item]:
    buffer, (_, n, d) = state["buffer"], state["buffer"].shape
    return [
        Item(
            float(state["priorities"][k]),
            [[buffer[k, i, j] for j in range(d)] for i in range(n)],
            int(state["born"][k]),
        )
        for k in range(int(state["length"]))
    ]


def _store(state: State, items: list[Item]) -> None:
    for name in ("buffer", "priorities", "born"):
        state[name][...] = 0
    for k, x in enumerate(items):
        state["priorities"][k], state["born"][k] = x.priority, x.born
        for i, row in enumerate(x.gradient):
            for j, value in enumerate(row):
                state["buffer"][k, i, j] = value
    state["length"][...] = len(items)
