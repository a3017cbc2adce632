"""Faults that any optimizer can have, one line each: around the reference's step and its state."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from freqopt.crosscheck.cases.dialects import cases
from freqopt.crosscheck.implementation import Given, Implementation, Step, reference, shown
from freqopt.crosscheck.mutants._around import (
    on_batch,
    on_show,
    on_state,
    on_table,
    restored,
    stored,
    used,
)
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

EQUIVALENT = {
    "accepted never stored": "a count for the reader, which nothing depends on",
    "rejected never stored": "a count for the reader, which nothing depends on",
    **{
        f"priorities in {how}": "only their order is read, and no two here are so close"
        for dtype in ("float32", "float16", "bfloat16")
        for how in (dtype, f"{dtype} at once")
    },
}


def mutants(name: str) -> dict[str, Implementation]:
    """The faults of every rule, and those of each slot that some case of this rule has."""
    slots = {slot for case in cases(name) for slot in case.rule.all_slots()}
    names = sorted({slot.name for slot in slots if not slot.given})
    floats = sorted({slot.name for slot in slots if slot.dtype != "int64"})
    never = {f"{slot} never stored": restored(slot) for slot in names}
    one_by_one = floats if len(floats) > 1 else []
    return {**COMMON, **never, **(_rounded([None, *one_by_one]) if floats else {})}


def _rounded(slots: list[str | None]) -> dict[str, Implementation]:
    """A slot in a narrower dtype, after the step or already in it; None for all slots."""
    found: dict[str, Implementation] = {}
    for slot in slots:
        for dtype, narrowed in NARROW.items():
            name = f"{slot or 'state'} in {dtype}"
            found |= {name: stored(narrowed, slot), f"{name} at once": used(narrowed, slot)}
    return found


def _from_second(rule: Rule, table: Floats, given: Given) -> Step:
    """The step index of the first batch is 2."""
    state = rule.init(table, **given)
    state["t"] += 1

    def step(rows: Integers, grads: Floats) -> Floats:
        rule.step(table, state, rows, grads)
        return shown(rule, table, state)

    return step


def _stale(rule: Rule, table: Floats, given: Given) -> Step:
    """An empty batch leaves the buffers of the batch before it as they are."""
    step, last = reference(rule, table, given), None

    def again(rows: Integers, grads: Floats) -> Floats:
        nonlocal last
        last = (rows, grads) if rows.size or last is None else last
        return step(*last)

    return again


def _rate(factor: float) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        return reference(rule.model_copy(update={"lr": factor * rule.lr}), table, given)

    return implementation


def _plain(rule: Rule, table: Floats, _given: Given) -> Step:
    """Stochastic gradient descent, whatever was asked for."""

    def step(rows: Integers, grads: Floats) -> Floats:
        np.subtract.at(table, rows, rule.lr * grads)
        return table.copy()

    return step


def _late(rule: Rule, table: Floats, given: Given) -> Step:
    """The table before the step is shown, but for the first step."""
    state, first = rule.init(table, **given), True

    def step(rows: Integers, grads: Floats) -> Floats:
        nonlocal first
        before, late, first = shown(rule, table, state), not first, False
        rule.step(table, state, rows, grads)
        return before if late else shown(rule, table, state)

    return step


def _entries_left(rule: Rule, table: Floats, given: Given) -> Step:
    """Sparse code that looks at numbers: an entry whose gradient is 0 stays as it was."""
    state = rule.init(table, **given)

    def step(rows: Integers, grads: Floats) -> Floats:
        old, total = table.copy(), np.zeros_like(table)
        np.add.at(total, rows, grads)
        rule.step(table, state, rows, grads)
        here = np.unique(rows)
        table[here] = np.where(total[here] == 0, old[here], table[here])
        return shown(rule, table, state)

    return step


def _own_clocks(rule: Rule, table: Floats, given: Given) -> Step:
    """Every row is alone in the world: t counts the batches that it is in."""
    alone = [reference(rule, table.copy(), given) for _ in table]

    def step(rows: Integers, grads: Floats) -> Floats:
        for row in set(rows.tolist()):
            table[row] = alone[row](rows[rows == row], grads[rows == row])[row]
        return table.copy()

    return step


def _left_behind(rule: Rule, table: Floats, given: Given) -> Step:
    """Rows that a lazy dialect has left behind are shown as they lie."""
    state = rule.init(table, **given)

    def step(rows: Integers, grads: Floats) -> Floats:
        rule.step(table, state, rows, grads)
        return table.copy()

    return step


def _without(rows: Integers, grads: Floats, row: int) -> tuple[Integers, Floats]:
    """The batch without one of its rows."""
    return rows[rows != row], grads[rows != row]


def _six_digits(values: Floats) -> Floats:
    """Numbers as %g prints them. In float32 that is 65 units, too near to rounding to count."""
    if values.dtype == np.float32:
        return values
    texts = [float(f"{value:.5e}") for value in values.ravel().tolist()]
    return np.array(texts, values.dtype).reshape(values.shape)


def _kept(old: Floats, new: Floats, where: Any) -> Floats:
    """The new table with the old values at one place."""
    new[where] = old[where]
    return new


def _through(dtype: DTypeLike, values: NDArray[Any]) -> NDArray[Any]:
    """Floats rounded to a narrower dtype and back; other numbers as they are."""
    return values.astype(dtype).astype(values.dtype) if values.dtype.kind == "f" else values


def _bfloat16(values: NDArray[Any]) -> NDArray[Any]:
    """Floats rounded to 8 significant bits, ties to even."""
    if values.dtype.kind != "f":
        return values
    bits = values.astype(np.float32).view(np.uint32)
    bits = (bits + (0x7FFF + (bits >> 16 & 1))) & np.uint32(0xFFFF0000)
    return bits.view(np.float32).astype(values.dtype)


COMMON: dict[str, Implementation] = {
    # the step
    "plain SGD": _plain,
    "lr x 2": _rate(2.0),
    "lr x 1/2": _rate(0.5),
    "lr x 0.999": _rate(0.999),
    "update dropped": on_table(lambda old, _: old),
    "wrong sign": on_table(lambda old, new: old - (new - old)),
    "step x 2": on_table(lambda old, new: old + 2 * (new - old)),
    "step x 1/2": on_table(lambda old, new: old + (new - old) / 2),
    "sign of the step only": on_table(lambda old, new: old + np.sign(new - old) / 64),
    "shown a step late": _late,
    "every row its own clock": _own_clocks,
    "entries without gradient left": _entries_left,
    # the batch
    "gradient x 2": on_batch(lambda rows, grads: (rows, 2 * grads)),
    "gradient over batch size": on_batch(lambda rows, grads: (rows, grads / max(rows.size, 1))),
    "sign of the gradient only": on_batch(lambda rows, grads: (rows, np.sign(grads))),
    "gradient clipped to [-1, 1]": on_batch(lambda rows, grads: (rows, grads.clip(-1, 1))),
    "gradient in float16": on_batch(lambda rows, grads: (rows, _through(np.float16, grads))),
    "first occurrence lost": on_batch(lambda rows, grads: (rows[1:], grads[1:])),
    "last occurrence lost": on_batch(lambda rows, grads: (rows[:-1], grads[:-1])),
    "highest row of a batch lost": on_batch(
        lambda rows, grads: _without(rows, grads, rows.max(initial=0))
    ),
    "empty batch repeats the last": _stale,
    "row 0 taken for padding": on_batch(lambda rows, grads: (rows[rows > 0], grads[rows > 0])),
    "columns reversed": on_batch(lambda rows, grads: (rows, grads[:, ::-1].copy())),
    # the table
    "first row never written": on_table(lambda old, new: _kept(old, new, 0)),
    "last row never written": on_table(lambda old, new: _kept(old, new, -1)),
    "last column never written": on_table(lambda old, new: _kept(old, new, np.s_[:, -1])),
    "first column's step for all": on_table(lambda old, new: old + (new - old)[:, :1]),
    "every row's step one too far": on_table(lambda old, new: old + np.roll(new - old, 1, axis=0)),
    "weights lost": on_table(lambda old, new: np.full_like(old + new, np.nan)),
    "table in float32": on_table(lambda _, new: _through(np.float32, new)),
    "table in float16": on_table(lambda _, new: _through(np.float16, new)),
    "table in bfloat16": on_table(lambda _, new: _bfloat16(new)),
    "printed with 6 decimals": on_show(lambda new: new.round(6)),
    "float64 printed with 6 digits": on_show(_six_digits),
    "all rows decay by 1e-3": on_table(lambda _, new: new * (1 - 1e-3)),
    "all rows decay by 1e-6": on_table(lambda _, new: new * (1 - 1e-6)),
    "moved rows decay by 1e-6": on_table(lambda old, new: new * np.where(new == old, 1, 1 - 1e-6)),
    # the state
    "state one row too far": stored(lambda slot: np.roll(slot, 1, axis=0) if slot.ndim else slot),
    "state reset at step 7": restored(at=7),
    "step index from 2": _from_second,
    "step index ahead by one": on_state(lambda name, x, step: x + (name == "t" and step == 1)),
    "step index behind by one": on_state(lambda name, x, step: x - (name == "t" and step == 1)),
    "lazy rows shown as they lie": _left_behind,
}

NARROW: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "float32": partial(_through, np.float32),
    "float16": partial(_through, np.float16),
    "bfloat16": _bfloat16,
}
