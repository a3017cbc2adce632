"""The second reference: one batch by scalar loops, sharing no function with `_batch` and `_rule`.

References rot too: whatever `_batch.preprocess` and `Rule.step` do with arrays is done here again,
entry by entry and from the definitions of the axes, and the two must agree bit for bit. Only the
arithmetic primitives (+ - * / sqrt and `integer_power`) are common.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from freqopt.kernels import Visit
from freqopt.kernels._python import Numbers, scalar_kernel
from freqopt.streams.elementary import integer_power, sin

if TYPE_CHECKING:
    from freqopt.optimizers._rule import Rule
    from freqopt.optimizers._slots import State

Scalars = list[Any]
Visits = dict[int, list[Any]]
"""Row -> the (gradient, squares, count) to apply one after the other."""


def slow_sum(values: Scalars) -> Any:
    """Sum a row of scalars in the declared order: the upper half is added onto the lower."""
    values = list(values)
    while len(values) > 1:
        half = 1
        while 2 * half < len(values):
            half *= 2
        for i in range(half, len(values)):
            values[i - half] = values[i - half] + values[i]
        values = values[:half]
    return values[0]


def slow_rate(rule: Rule, t: int) -> float:
    """Learning rate at batch t.

    Parameters
    ----------
    rule : Rule
    t : int
        1 in the first batch.

    Returns
    -------
    float
    """
    gone = (t - 1) * rule.lr_decay
    left = 1 - min(gone, max(0.0, 1 - rule.lr_decay))
    match rule.lr_decay_law:
        case "inverse_sqrt":
            return rule.lr / math.sqrt(1.0 + gone)
        case "linear":
            return rule.lr * left
        case "cosine":
            return rule.lr * float(sin(0.5 * math.pi * left)) ** 2
        case "step":
            return rule.lr * 0.5 ** math.floor(min(gone, 60.0))
        case "warmup" if rule.lr_decay > 0:
            return rule.lr * min(1.0, t * rule.lr_decay)
    return rule.lr / (1.0 + gone)


def slow_advance(rule: Rule, table: Any, state: State, visits: Visits) -> None:
    """One batch on table and state, in place; visits from `slow_preprocess`."""
    if not visits and not rule.count_empty:
        return
    state["t"] += 1
    t = int(state["t"])
    scalar, width = table.dtype.type, table.shape[1]
    decoupled = rule.weight_decay and rule.decay == "decoupled"
    if decoupled and rule.decay_rows == "all":
        shrink = scalar(1 - slow_rate(rule, t) * rule.weight_decay)
        for i in range(len(table)):
            for j in range(width):
                table[i, j] = table[i, j] * shrink
    if rule.rows == "all":
        zero = [scalar(0)] * width
        absent = (zero, zero, 0)
        for i in range(len(table)):
            g, squares, count = visits[i][0] if i in visits else absent
            _row(rule, table, state, i, t, g, squares, count, True)
        return
    for i in sorted(visits):
        for k, (g, squares, count) in enumerate(visits[i]):
            _row(rule, table, state, i, t, g, squares, count, k == 0)


def slow_preprocess(rule: Rule, table: Any, rows: Any, grads: Any) -> Visits:
    """The occurrences by row, combined; arguments as `Rule.step`, which validates them."""
    scalar = table.dtype.type
    seen: dict[int, list[Scalars]] = {}
    for b in range(len(rows)):
        i, g = int(rows[b]), [scalar(x) for x in grads[b]]
        if i == rule.padding_row:
            continue
        if rule.nonfinite == "skip" and any(not math.isfinite(x) for x in g):
            continue
        if rule.maximize:
            g = [-x for x in g]
        if rule.clip is not None and rule.clip_scope == "occurrence":
            g = slow_clip(g, rule.clip, scalar)
        seen.setdefault(i, []).append(g)
    visits = {i: _combined(rule, scalar, found) for i, found in seen.items()}
    if rule.rows == "nonzero":
        visits = {i: [v for v in vs if any(x != 0 for x in v[0])] for i, vs in visits.items()}
        visits = {i: vs for i, vs in visits.items() if vs}
    if rule.clip is not None and rule.clip_scope == "row":
        limit = rule.clip
        visits = {
            i: [(slow_clip(g, limit, scalar), q, c) for g, q, c in vs] for i, vs in visits.items()
        }
    if rule.clip is not None and rule.clip_scope == "batch":
        visits = _clip_batch(visits, rule.clip, scalar)
    return visits


def _combined(rule: Rule, scalar: Any, found: list[Scalars]) -> list[Any]:
    """What the duplicates axis makes of the occurrences of one row."""
    how, count, width = rule.duplicates, len(found), len(found[0])
    if how == "sequential":
        return [(g, None, 1) for g in found]
    if how == "first":
        return [(found[0], None, count)]
    if how == "last":
        return [(found[-1], None, count)]
    total, squares = list(found[0]), [x * x for x in found[0]]
    for g in found[1:]:
        for j in range(width):
            total[j] = total[j] + g[j]
            squares[j] = squares[j] + g[j] * g[j]
    if how == "mean":
        total = [x / scalar(count) for x in total]
    if how == "sqrt_count":
        total = [x / np.sqrt(scalar(count)) for x in total]
    return [(total, squares if how == "squares" else None, count)]


def slow_clip(g: Scalars, limit: float, scalar: Any) -> Scalars:
    """Scale the vector g down to Euclidean norm `limit` if it is longer."""
    norm = np.sqrt(slow_sum([x * x for x in g]))
    return [x * (scalar(limit) / norm) for x in g] if norm > scalar(limit) else g


def _clip_batch(visits: dict[int, list[Any]], limit: float, scalar: Any) -> dict[int, list[Any]]:
    """Scale a whole batch down to global norm `limit`; repeated occurrences form later batches."""
    depth = max((len(v) for v in visits.values()), default=0)
    clipped: dict[int, list[Any]] = {i: [] for i in visits}
    for k in range(depth):
        present = [i for i in sorted(visits) if len(visits[i]) > k]
        norm = np.sqrt(slow_sum([slow_sum([x * x for x in visits[i][k][0]]) for i in present]))
        for i in present:
            g, squares, count = visits[i][k]
            if norm > scalar(limit):
                g = [x * (scalar(limit) / norm) for x in g]
            clipped[i].append((g, squares, count))
    return clipped


def _row(
    rule: Rule,
    table: Any,
    state: State,
    i: int,
    t: int,
    g: Scalars,
    squares: Scalars | None,
    count: int,
    first_round: bool,
) -> None:
    """Update one row: its own decay, the rule's equations, the norm limit."""
    scalar = table.dtype.type
    width = table.shape[1]
    s = SimpleNamespace(t=t, id=i, occurrences=count, first_round=first_round, scalar=scalar)
    for slot in rule.all_slots():
        if slot.name != "t":
            setattr(s, slot.name, _read(slot, state[slot.name], i))
    w = [table[i, j] for j in range(width)]
    if rule.weight_decay and rule.decay == "decoupled" and rule.decay_rows != "all":
        shrink = 1 - slow_rate(rule, t) * rule.weight_decay
        if rule.decay_rows == "lazy":
            shrink = float(integer_power(shrink, t - int(s.decayed_at)))
            s.decayed_at = t
        w = [x * scalar(shrink) for x in w]
    if rule.added_decay:
        g = [a + scalar(rule.added_decay) * b for a, b in zip(g, w, strict=True)]
    s.squares = [x * x for x in g] if rule.duplicates != "squares" else squares
    with np.errstate(all="ignore"):  # a kernel may compute both ways of a choice
        w = _update(rule, w, g, s)
    if rule.max_norm is not None:
        w = slow_clip(w, rule.max_norm, scalar)
    for j in range(width):
        table[i, j] = w[j]
    for slot in rule.all_slots():
        if slot.name != "t":
            _write(slot, state[slot.name], i, getattr(s, slot.name))


def _update(rule: Rule, w: Scalars, g: Scalars, s: SimpleNamespace) -> Scalars:
    """The rule's kernel, entry by entry; the slots on `s` are replaced."""
    scalar, width = s.scalar, len(w)
    kernel, reading = scalar_kernel(rule, scalar)
    c = kernel.scalars(Numbers(rule, lambda t: slow_rate(rule, t)), np.int64(s.t))
    total = scalar(0)
    if kernel.term is not None:
        terms = [kernel.term(g[j], s.squares[j]) for j in range(width)]
        total = _largest(terms) if kernel.largest else slow_sum(terms)
    counts: Any = [np.int64(n) for n in (s.t, s.occurrences, width)]  # not Python's: they round
    visit = Visit(counts[0], counts[1], s.first_round, counts[2])
    names = [name for name, _ in reading.s.kinds]
    r, new = kernel.row(c, tuple(getattr(s, name) for name in names), visit, total)
    for name, value in zip(names, new, strict=True):
        setattr(s, name, value)
    narrow, updated = tuple(scalar(x) for x in c), []
    names = [name for name, _ in reading.e.kinds]
    for j in range(width):
        e = tuple(getattr(s, name)[j] for name in names)
        entry, new = kernel.element(narrow, r, w[j], g[j], s.squares[j], e)
        for name, value in zip(names, new, strict=True):
            getattr(s, name)[j] = value
        updated.append(entry)
    return updated


def _largest(terms: Scalars) -> Any:
    """The largest of some numbers; NaN if one is."""
    most = terms[0]
    for x in terms[1:]:
        if x > most or np.isnan(x):
            most = x
    return most


def _read(slot: Any, array: Any, i: int) -> Any:
    if slot.per == "table" or slot.copies:
        return array  # changed in place
    if slot.per == "row":
        return array[i]
    return [array[i, j] for j in range(array.shape[1])]


def _write(slot: Any, array: Any, i: int, value: Any) -> None:
    if slot.per == "table" or slot.copies:
        return
    if slot.per == "row":
        array[i] = value
    else:
        for j in range(array.shape[1]):
            array[i, j] = value[j]
