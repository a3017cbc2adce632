"""The critical-gradient buffer on arrays: aggregate, test, insert, evict, decay.

The functions work on a table's state (slots buffer, priorities, born, length, accepted, rejected)
and take their options from the rule. Equation numbers are those of `_critical`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from freqopt.optimizers._batch import Batch
from freqopt.optimizers._slots import State
from freqopt.streams.fold import fold
from freqopt.streams.stream import Stream
from freqopt.typing import Floats

if TYPE_CHECKING:
    from freqopt.optimizers._critical import FixedMemory


def gradient_norm(batches: list[Batch]) -> float:
    """L2 norm of a table's gradient in float64: columns folded first, then the touched rows."""
    if not batches:
        return 0.0
    g = batches[0].grads.astype(np.float64)
    return float(np.sqrt(fold(fold(g * g))))


def recall(rule: FixedMemory, state: State, g: Floats, norm: float) -> Floats:
    """Aggregate of g (N, d) and the buffer; g is offered to the buffer on the way."""
    t = int(state["t"]) + 1
    if rule.max_age is not None:
        young = t - state["born"][: int(state["length"])] <= rule.max_age
        _rearrange(state, np.flatnonzero(young))
    if rule.insertion == "after":
        direction = _aggregate(rule, state, g)  # (1)
        _offer(rule, state, g, norm, t)  # (2)
    else:
        _offer(rule, state, g, norm, t)
        direction = _aggregate(rule, state, g)
    if rule.policy != "fifo":
        state["priorities"][...] *= rule.priority_decay  # (3)
    return direction


def _aggregate(rule: FixedMemory, state: State, g: Floats) -> Floats:
    """Equation (1)."""
    length, kind = int(state["length"]), rule.aggregation
    if length == 0:
        return g
    buffer, priorities = state["buffer"][:length], state["priorities"][:length]
    if kind in ("sum", "mid", "mean"):
        total = buffer[0]
        for stored in buffer[1:]:
            total = total + stored
        if rule.insertion == "buffer_only":
            return rule.factor * (total if kind == "sum" else total / length)
        if kind == "mean":
            return (g + rule.factor * total) / (length + 1)
        recalled = rule.factor * (total / length)
    else:
        if kind.startswith("min"):
            chosen = _smallest(rule, priorities)
        elif kind.startswith("max"):
            chosen = int(np.argmax(priorities))
        else:
            chosen = int(np.argsort(priorities, kind="stable")[length // 2])
        recalled = rule.factor * buffer[chosen]
        if rule.kappa_in_place:
            buffer[chosen] = recalled  # Q5
    direction = g + recalled
    return direction / 2 if kind == "mid" or kind.endswith("-mean") else direction


def _offer(rule: FixedMemory, state: State, g: Floats, norm: float, t: int) -> None:
    """Store g if the buffer takes it, (2)."""
    length = int(state["length"])
    priorities = state["priorities"][:length]
    if rule.policy == "fifo":
        priority = float(t)
    elif rule.policy == "bottom":
        priority = 1 / norm if norm else math.inf
    else:
        priority = norm
    full = length == rule.capacity
    if full and rule.acceptance_test:
        accepted = priority > priorities[_smallest(rule, priorities)]  # strictly
        state["accepted" if accepted else "rejected"] += 1
        if not accepted:
            return
    slots = np.arange(length + 1)
    if full and rule.policy == "random":
        word = Stream(rule.seed or 0, rule.run or 0, "critical_buffer").words(t, 1)[0]
        slots = slots[:-1]
        slots[int(word) * length >> 64] = length
    ranks = np.append(priorities, priority)
    slots = slots[ranks[slots] >= 0]  # a NaN priority leaves
    slots = slots[heap_order(ranks[slots])][-rule.capacity :]
    _rearrange(state, slots, buffer=g, priorities=priority, born=t)


def _smallest(rule: FixedMemory, priorities: NDArray[np.float64]) -> int:
    return 0 if rule.threshold == "slot0" else int(np.argmin(priorities))  # Q1


def heap_order(priorities: NDArray[np.float64]) -> list[int]:
    """Where CPython's heapq.heapify puts the items: position -> index into `priorities` (n,).

    From the last parent to the root: the parent's item is taken out, the smaller child moves up at
    every level (the right one on a tie) down to a leaf, and the item is inserted into that path.
    """
    n, order = len(priorities), list(range(len(priorities)))
    for parent in reversed(range(n // 2)):
        path = [parent]
        while (left := 2 * path[-1] + 1) < n:
            right = left + 1
            go_left = right == n or priorities[order[left]] < priorities[order[right]]
            path.append(left if go_left else right)
        item, *below = (order[k] for k in path)
        place = len(below)
        while place > 0 and priorities[item] < priorities[below[place - 1]]:
            place -= 1
        below.insert(place, item)
        for k, moved in zip(path, below, strict=True):
            order[k] = moved
    return order


def _rearrange(state: State, slots: NDArray[np.int64], **fresh: Any) -> None:
    """Keep the items `slots`, in that order; index `length` is the fresh item, if there is one."""
    length = int(state["length"])
    for name in ("buffer", "priorities", "born"):
        array = state[name]
        pool = array[:length]
        if fresh:
            pool = np.concatenate([pool, np.asarray(fresh[name], array.dtype)[None]])
        array[: len(slots)] = pool[slots]
        array[len(slots) :] = 0
    state["length"][...] = len(slots)
