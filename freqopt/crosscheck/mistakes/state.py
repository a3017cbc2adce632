"""State at the wrong place: lost, shared, of another row, stored once, kept too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.implementation import Given, Implementation, Step, shown
from freqopt.crosscheck.mistakes.by_row import by_row, shared, shifted
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.optimizers import Rule, State
from freqopt.typing import Floats, Integers

Turn = Callable[[State, State, State, Integers, int], None]
"""Changes the state after a step: (state, before the step, at the start, rows, t)."""


def in_state(slots: list[str]) -> Iterator[Mistake]:
    """Where a slot of the state is kept, lost, shared."""
    every = [(name, [name]) for name in slots]
    if len(slots) > 1:
        every.insert(0, ("all state", slots))
    for said, names in every:
        for cause, turn in _TURNS.items():
            yield Mistake(cause.format(said), _after(turn, names), 0 if said != "all state" else 1)
        yield Mistake(f"{said} is one for all rows, not one for each", by_row(shared(names)), 1)
        yield Mistake(f"{said} is read and written at the next row", by_row(shifted(names)), 2)
    if slots:
        yield Mistake("all state and the step are lost after every step", _after(_lost_all, slots))


def _after(turn: Turn, names: list[str]) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state, start = rule.init(table, **given), rule.init(table, **given)

        def step(rows: Integers, grads: Floats) -> Floats:
            before = {name: values.copy() for name, values in state.items()}
            rule.step(table, state, rows, grads)
            chosen = {name: state[name] for name in names}
            turn({**chosen, "t": state["t"]}, before, start, rows, int(state["t"]))
            return shown(rule, table, state)

        return step

    return implementation


def _each(
    change: Callable[[NDArray[Any], NDArray[Any], NDArray[Any], Integers, int], Any],
) -> Turn:
    """A turn of each slot: change(slot, before, start, rows, t) is stored."""

    def turn(state: State, before: State, start: State, rows: Integers, t: int) -> None:
        for name, slot in state.items():
            if name != "t":
                slot[...] = change(slot, before[name], start[name], rows, t)

    return turn


def _where(slot: NDArray[Any], chosen: Any, values: NDArray[Any]) -> NDArray[Any]:
    """The slot with other values in some rows."""
    if slot.ndim == 0:
        return slot
    new = slot.copy()
    new[chosen] = values[chosen] if isinstance(values, np.ndarray) else values
    return new


def _absent(slot: NDArray[Any], rows: Integers) -> Any:
    return np.setdiff1d(np.arange(len(slot)), rows) if slot.ndim else ()


def _lost_all(state: State, _before: State, start: State, _rows: Integers, _t: int) -> None:
    for name, slot in state.items():
        slot[...] = start[name]


_TURNS: dict[str, Turn] = {
    "{} is lost after every step": _each(lambda slot, before, start, rows, t: start),
    "{} is stored once, at a row's first visit, and never again": _each(
        lambda slot, before, start, rows, t: np.where(before == start, slot, before)
    ),
    "{} is stored at the first step only": _each(
        lambda slot, before, start, rows, t: slot if t == 1 else before
    ),
    "{} is lost in an empty batch": _each(
        lambda slot, before, start, rows, t: slot if rows.size else start
    ),
    "{} of rows outside the batch is lost": _each(
        lambda slot, before, start, rows, t: _where(slot, _absent(slot, rows), start)
    ),
    "{} of rows outside the batch stands still": _each(
        lambda slot, before, start, rows, t: _where(slot, _absent(slot, rows), before)
    ),
    "{} is halved after every step": _each(lambda slot, before, start, rows, t: slot * 0.5),
    "{} is stored for the first row of a batch only": _each(
        lambda slot, before, start, rows, t: (
            _where(before, rows.min(initial=0), slot) if rows.size else before
        )
    ),
    "{} is the same for all columns: that of the first": _each(
        lambda slot, before, start, rows, t: slot[:, :1] + 0 * slot if slot.ndim == 2 else slot
    ),
    "{} is the same for all columns: their mean": _each(
        lambda slot, before, start, rows, t: (
            slot.mean(axis=1, keepdims=True) + 0 * slot if slot.ndim == 2 else slot
        )
    ),
    "{} is the same for all columns: the largest": _each(
        lambda slot, before, start, rows, t: (
            slot.max(axis=1, keepdims=True) + 0 * slot if slot.ndim == 2 else slot
        )
    ),
    "{} is the same for all rows: their mean": _each(
        lambda slot, before, start, rows, t: (
            slot.mean(axis=0, keepdims=True) + 0 * slot if slot.ndim and slot.dtype.kind == "f"
            else slot
        )
    ),
    "{} is the largest so far": _each(
        lambda slot, before, start, rows, t: np.maximum(slot, before)
    ),
}  # fmt: skip
