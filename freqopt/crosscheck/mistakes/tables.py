"""The table written at the wrong time or place, and weights that decay wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference
from freqopt.crosscheck.mistakes.by_row import by_row
from freqopt.crosscheck.mistakes.mistake import Mistake, in_methods
from freqopt.crosscheck.mutants._around import on_table
from freqopt.optimizers import Rule, State
from freqopt.optimizers._batch import Batch
from freqopt.typing import Floats, Integers


def in_table() -> Iterator[Mistake]:
    """When and where the table is written."""
    yield Mistake("a row's update is written at its next visit", by_row(_written_late))
    yield Mistake("the table is shown before the step", _shown_late)
    yield Mistake("the step is applied twice to the table", on_table(lambda a, b: b + (b - a)))
    yield Mistake("half of the step is applied", on_table(lambda a, b: a + (b - a) / 2))
    yield Mistake("the last column is never updated", _columns(lambda d: slice(d - 1, d)))
    yield Mistake("only the first column is updated", _columns(lambda d: slice(1, d)))
    for width in (4, 8, 16, 32, 64, 96, 128, 192, 256):
        yield Mistake(
            f"columns from {width} on are not updated",
            _columns(lambda d, k=width: slice(min(k, d), d)),  # type: ignore[misc]
        )
        yield Mistake(
            f"columns after the last whole {width} are not updated",
            _columns(lambda d, k=width: slice(d // k * k, d)),  # type: ignore[misc]
        )


def _columns(which: Callable[[int], slice]) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        some = which(table.shape[1])

        def change(old: Floats, new: Floats) -> Floats:
            new[:, some] = old[:, some]
            return new

        return on_table(change)(rule, table, given)

    return implementation


def _written_late() -> Callable[..., None]:
    waiting: dict[int, Floats] = {}

    def visit(rule: Rule, table: Floats, state: State, one: Batch, first: bool) -> None:
        row = int(one.rows[0])
        table[row] = waiting.pop(row, table[row])
        old = table[row].copy()
        rule._apply(table, state, one, first)
        waiting[row], table[row] = table[row].copy(), old

    return visit


def _shown_late(rule: Rule, table: Floats, given: Given) -> Step:
    step, last = reference(rule, table, given), table.copy()

    def again(rows: Integers, grads: Floats) -> Floats:
        nonlocal last
        before, last = last, step(rows, grads).copy()
        return before

    return again


def in_decay() -> Iterator[Mistake]:
    """How weights decay."""
    for cause, grad in {
        "the decay is a constant: weight_decay without the weight": lambda g, w, c: g + c,
        "the decay has the weight's sign alone": lambda g, w, c: g + c * np.sign(w),
        "the decay has the weight without its sign": lambda g, w, c: g + c * np.abs(w),
        "the decay has the square of the weight": lambda g, w, c: g + c * w * w,
        "the decay is half as large: weight_decay / 2": lambda g, w, c: g + c / 2 * w,
        "the decay is twice as large: 2 weight_decay": lambda g, w, c: g + 2 * c * w,
        "the decay pulls away from 0: its sign is turned": lambda g, w, c: g - c * w,
        "the gradient is replaced by the decay": lambda g, w, c: c * w,
    }.items():
        yield Mistake(cause, in_methods(_regularised=_l2(grad)))
        yield Mistake(f"{cause}; decoupled", in_methods(_decayed=_shrunk(grad)), 1)
    yield Mistake(
        "the decoupled decay comes after the step, on the new weight",
        in_methods(_decayed=_as_it_is, update=_updated(lambda old, new, c: new - c * new)),
    )
    yield Mistake(
        "the decay comes after the step, on the new weight, with the rate",
        in_methods(_regularised=_raw, update=_updated(lambda old, new, c: new - c * new)),
    )
    yield Mistake(
        "the decay is not in the gradient but beside the step (decoupled)",
        in_methods(_regularised=_raw, update=_updated(lambda old, new, c: new - c * old)),
        1,
    )
    yield Mistake(
        "the decay grows the weight beside the step",
        in_methods(_regularised=_raw, update=_updated(lambda old, new, c: new + c * old)),
    )
    yield Mistake(
        "the decay comes after the step without the rate",
        in_methods(
            _regularised=_raw, _decayed=_as_it_is, update=_updated(lambda o, n, c: n - c * n, False)
        ),
    )


def _l2(change: Callable[[Floats, Floats, float], Floats]) -> Callable[..., Floats]:
    return lambda rule, g, w: change(g, w, rule.added_decay) if rule.added_decay else g


def _shrunk(change: Callable[[Floats, Floats, float], Floats]) -> Callable[..., Floats]:
    """The same of a decay outside the gradient: w - rate (change - g)."""

    def decayed(rule: Rule, w: Floats, s: Any) -> Floats:
        if not rule.weight_decay or rule.decay == "l2":
            return w
        return w - change(np.zeros_like(w), w, rule.rate(s.t) * rule.weight_decay)

    return decayed


def _as_it_is(_rule: Rule, w: Floats, _s: Any) -> Floats:
    return w


def _raw(_rule: Rule, g: Floats, _w: Floats) -> Floats:
    return g


def _updated(
    change: Callable[[Floats, Floats, float], Floats], rated: bool = True
) -> Callable[..., Floats]:
    """The update, then change(old, new, coefficient)."""

    def update(rule: Rule, w: Floats, g: Floats, s: Any) -> Floats:
        new = type(rule).update(rule, w, g, s)
        c = rule.weight_decay * (rule.rate(s.t) if rated else 1)
        return change(w, new, c)

    return update
