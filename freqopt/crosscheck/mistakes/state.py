"""State at the wrong place: lost, shared, of another row, stored once, kept too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.implementation import Given, Implementation, Step, shown
from freqopt.crosscheck.mistakes.arithmetic import NARROW
from freqopt.crosscheck.mistakes.by_row import by_row, in_turn, shared
from freqopt.crosscheck.mistakes.mapped import mapped
from freqopt.crosscheck.mistakes.mistake import Mistake, in_methods
from freqopt.optimizers import Rule, State
from freqopt.typing import Floats, Integers

Turn = Callable[[State, State, State, Integers, int], None]
"""Changes the state after a step: (state, before the step, at the start, rows, t)."""


def in_state(
    slots: list[str], whole: list[str], numbers: dict[str, float], decays: list[str]
) -> Iterator[Mistake]:
    """Where a slot of the state is kept, lost, shared; how it begins and how far it goes.

    Parameters
    ----------
    slots : list of str
    whole : list of str
        Those that hold whole numbers.
    numbers : dict
        The rule's, with which a slot may begin.
    decays : list of str
        Those in [0, 1).
    """
    for name in slots:
        starts = {"1": 1.0, "0": 0.0, "0.1": 0.1, "-1": -1.0, **numbers}
        for said, value in starts.items():
            yield Mistake(f"{name} starts at {said}", _started(name, value), 0)
    for name in whole:
        for most in (*range(1, 17), 31, 32, 63, 64, 99, 100, 127, 128, 255, 256, 999, 1000, 1023):
            yield Mistake(f"{name} stops at {most}", _bounded(name, most), 0)
            yield Mistake(f"{name} starts at 0 again after {most}", _wrapped(name, most), 1)
        for said, of_all in _OF_ALL.items():
            yield Mistake(f"the {said} {name} of all rows is used for each", _used_as(name, of_all))
        yield Mistake(f"{name} of every row rises in every batch", _rising(name, whole=True))
        yield Mistake(
            f"{name} of every row rises in every batch that is not empty",
            _rising(name, whole=False),
        )
    every = [(name, [name]) for name in slots]
    if len(slots) > 1:
        every.insert(0, ("all state", slots))
    adding: list[Stored] = [_in_place, *(partial(_decayed_in_place, one) for one in decays)]
    for said, names in every:
        for cause, turn in _TURNS.items():
            rare = said == "all state" or cause.endswith("so far")
            yield Mistake(cause.format(said), _after(turn, names), int(rare))
        for kind, narrow in COARSE.items():
            stored = in_methods(update=_coarsely(names, narrow))
            yield Mistake(f"{said} is stored in {kind}", stored, 0)
        for kind, narrow in NARROW.items():
            for add in adding:
                added = in_methods(update=_coarsely(names, narrow, add))
                yield Mistake(f"{said} is stored in {kind}, and added to in it", added, 0)
        for where, holds in _SOME_ROWS.items():
            cause = f"{said} goes on {where}, and stands still elsewhere"
            yield Mistake(cause, in_methods(update=_going_on(names, holds)), 0)
        yield Mistake(f"{said} is one for all rows, not one for each", by_row(shared(names)), 1)
        for cause, place in _PLACES.items():
            for how in ("the last one kept", "added up"):
                shared_so = mapped(names, place, add=how == "added up")
                yield Mistake(f"{cause.format(said)} ({how})", shared_so, 1)
            yield Mistake(
                f"{cause.format(said)} (one after the other)", by_row(in_turn(names, place)), 1
            )
    if slots:
        yield Mistake("all state and the step are lost after every step", _after(_lost_all, slots))


def _modulo(k: int, row: int, _n: int) -> int:
    return row % k


_PLACES: dict[str, Callable[[int, int], int]] = {
    "{} has one row less: the last shares that of row 0": lambda row, n: row % max(n - 1, 1),
    "{} has one row less: the last shares that of the row before": lambda row, n: min(
        row, max(n - 2, 0)
    ),
    "two rows in a row share one {}": lambda row, n: row // 2,
    "{} is shared by rows half a table apart": lambda row, n: row % max(n // 2, 1),
    **{
        f"{{}} is shared by rows that are the same modulo {k}": partial(_modulo, k)
        for k in (2, 3, 4, 5, 8, 16, 32, 64, 100, 128, 256, 1000, 1024, 4096, 32768, 65536)
    },
}
"""(row, number of rows) -> the row whose slot is read and written."""


def _started(name: str, value: float) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state = rule.init(table, **given)
        state[name][...] = value

        def step(rows: Integers, grads: Floats) -> Floats:
            rule.step(table, state, rows, grads)
            return shown(rule, table, state)

        return step

    return implementation


_OF_ALL: dict[str, Callable[[Any], Any]] = {
    "largest": np.max, "smallest": np.min, "sum": np.sum
}  # fmt: skip
"""One number of a slot for all rows."""


def _used_as(name: str, how: Callable[[Any], Any]) -> Implementation:
    """Each row has its own, and uses what is made of all."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state = rule.init(table, **given)

        def step(rows: Integers, grads: Floats) -> Floats:
            trial = {key: slot.copy() for key, slot in state.items()}
            rule.step(table.copy(), trial, rows, grads)
            own = trial[name]
            risen = own - state[name]
            state[name][...] = np.where(risen != 0, how(own) - risen, state[name])
            rule.step(table, state, rows, grads)
            state[name][...] = own
            return shown(rule, table, state)

        return step

    return implementation


def _bounded(name: str, most: int) -> Implementation:
    def assign(rule: Rule, w: Floats, g: Floats, s: Any) -> Floats:
        return type(rule).update(rule, w, g, bounded(s, name, lambda x: np.minimum(x, most)))

    return in_methods(update=assign)


def _wrapped(name: str, most: int) -> Implementation:
    def assign(rule: Rule, w: Floats, g: Floats, s: Any) -> Floats:
        return type(rule).update(rule, w, g, bounded(s, name, lambda x: x % (most + 1)))

    return in_methods(update=assign)


def _cut(bits: int) -> Callable[[Any], Any]:
    """A float cut off, not rounded, after some bits of the 24 of a float32."""
    mask = np.uint32(0xFFFFFFFF & ~((1 << (24 - bits)) - 1))

    def cut(x: Any) -> Any:
        narrow = np.ascontiguousarray(x, np.float32).view(np.uint32) & mask
        return narrow.view(np.float32).astype(np.asarray(x).dtype)

    return cut


def _rounded(bits: int) -> Callable[[Any], Any]:
    """A float rounded to some significant bits, ties to even."""

    def rounded(x: Any) -> Any:
        mantissa, exponent = np.frexp(x)
        return np.ldexp(np.rint(mantissa * 2.0**bits) / 2.0**bits, exponent).astype(x.dtype)

    return rounded


COARSE: dict[str, Callable[[Any], Any]] = {
    "bfloat16, cut off and not rounded": _cut(8),
    "float32, cut off after 10 bits (tf32)": _cut(11),
    "11 significant bits (tf32, or float16 without its limits)": _rounded(11),
    "4 significant bits (an 8-bit float)": _rounded(4),
    "3 significant bits (an 8-bit float)": _rounded(3),
    "steps of 1/127 of the row's largest (int8)": lambda x: _steps(x, 127),
    "steps of 1/255 of the row's largest (uint8)": lambda x: _steps(x, 255),
    "steps of 1e-3": lambda x: np.round(x, 3),
    "steps of 1e-6": lambda x: np.round(x, 6),
    "whole numbers": np.rint,
    "whole numbers, rounded down": np.floor,
}
"""Ways to store a float coarsely that no dtype of NumPy has."""


def _steps(x: Any, most: int) -> Any:
    unit = np.abs(x).max(axis=-1, keepdims=True, initial=0) / most
    return (np.rint(x / np.where(unit > 0, unit, 1)) * unit).astype(x.dtype)


Stored = Callable[[Rule, Callable[[Any], Any], Any, Any], Any]
"""(rule, how a number is rounded, the slot before, its new values) -> what is stored."""


def _as_a_whole(_rule: Rule, narrow: Callable[[Any], Any], _old: Any, new: Any) -> Any:
    return narrow(new)


def _in_place(_rule: Rule, narrow: Callable[[Any], Any], old: Any, new: Any) -> Any:
    """What is added is rounded, and the sum again: x += (...)."""
    return narrow(old + narrow(new - old))


def _decayed_in_place(
    decay: str, rule: Rule, narrow: Callable[[Any], Any], old: Any, new: Any
) -> Any:
    """What stays is rounded, what is added, and the sum: x *= beta; x += (...)."""
    beta = getattr(rule, decay)
    return narrow(narrow(beta * old) + narrow(new - beta * old))


def _coarsely(
    names: list[str], narrow: Callable[[Any], Any], how: Stored = _as_a_whole
) -> Callable[..., Any]:
    def update(rule: Rule, w: Floats, g: Floats, s: Any) -> Floats:
        for name in names:
            old = s.__dict__[name]
            if old.dtype.kind == "f":
                s = bounded(s, name, partial(how, rule, narrow, old))
        return type(rule).update(rule, w, g, s)

    return update


_SOME_ROWS: dict[str, Callable[[Any], Any]] = {
    "in rows of the batch alone": lambda s: s.occurrences > 0,
    "in rows outside the batch alone": lambda s: s.occurrences == 0,
    "in batches alone that are not empty": lambda s: s.occurrences.any(),
    "in empty batches alone": lambda s: not s.occurrences.any(),
    "in rows that come once alone": lambda s: s.occurrences == 1,
    "in rows that come more than once alone": lambda s: s.occurrences > 1,
}
"""Where what is stored is new, for this step already."""


def _going_on(names: list[str], holds: Callable[[Any], Any]) -> Callable[..., Any]:
    def update(rule: Rule, w: Floats, g: Floats, s: Any) -> Floats:
        here = holds(s)
        for name in names:
            s = bounded(s, name, partial(_where_new, here, getattr(s, name)))
        return type(rule).update(rule, w, g, s)

    return update


def _where_new(here: Any, old: Any, new: Any) -> Any:
    return np.where(here, new, old)


def bounded(s: Any, name: str, change: Callable[[Any], Any]) -> Any:
    """The state of some rows, one slot of which is changed whenever it is assigned."""
    outer: Any = type(s).__setattr__

    def assign(self: Any, key: str, value: Any) -> None:
        outer(self, key, change(value) if key == name else value)

    s.__class__ = type("Bounded", (type(s),), {"__setattr__": assign})
    return s


def _rising(name: str, *, whole: bool) -> Implementation:
    """A count that all rows share in: one more for each batch."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state, batches = rule.init(table, **given), 0

        def update(self: Rule, w: Floats, g: Floats, s: Any) -> Floats:
            fixed = bounded(s, name, lambda x: np.full_like(x, batches))
            return type(self).update(self, w, g, fixed)

        other = rule.with_methods(update=update)

        def step(rows: Integers, grads: Floats) -> Floats:
            nonlocal batches
            batches += 1 if rows.size or whole else 0
            other.step(table, state, rows, grads)
            return shown(rule, table, state)

        return step

    return implementation


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
    "{} is the same for all rows: the largest": _each(
        lambda slot, before, start, rows, t: slot.max(axis=0, keepdims=True) + 0 * slot
        if slot.ndim and slot.size else slot
    ),
    "{} is one number for the whole table: the mean": _each(
        lambda slot, before, start, rows, t: (
            slot.mean() + 0 * slot if slot.dtype.kind == "f" else slot
        )
    ),
    "{} is one number for the whole table: the largest": _each(
        lambda slot, before, start, rows, t: slot.max() + 0 * slot if slot.size else slot
    ),
    "{} is the largest so far": _each(
        lambda slot, before, start, rows, t: np.maximum(slot, before)
    ),
}  # fmt: skip
