"""Implementations that are the reference with one thing changed around its step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference, shown
from freqopt.optimizers import Rule
from freqopt.optimizers._rows import Rows
from freqopt.typing import Floats, Integers


def on_batch(change: Callable[[Integers, Floats], tuple[Integers, Floats]]) -> Implementation:
    """The rule is given `change(rows, grads)` instead of the batch."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        step = reference(rule, table, given)
        return lambda rows, grads: step(*change(rows, grads))

    return implementation


def on_table(change: Callable[[Floats, Floats], Floats]) -> Implementation:
    """`change(old, new)` is written instead of the new table."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state = rule.init(table, **given)

        def step(rows: Integers, grads: Floats) -> Floats:
            old = table.copy()
            rule.step(table, state, rows, grads)
            with np.errstate(over="ignore"):
                table[...] = change(old, table.copy())
            return shown(rule, table, state)

        return step

    return implementation


def on_state(change: Callable[[str, NDArray[Any], int], Any]) -> Implementation:
    """`change(slot's name, its array, step from 1)` is stored instead of each slot."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state, taken = rule.init(table, **given), 0

        def step(rows: Integers, grads: Floats) -> Floats:
            nonlocal taken
            taken += 1
            rule.step(table, state, rows, grads)
            with np.errstate(over="ignore"):
                for name, slot in state.items():
                    slot[...] = change(name, slot, taken)
            return shown(rule, table, state)

        return step

    return implementation


def stored(change: Callable[[NDArray[Any]], Any], only: str | None = None) -> Implementation:
    """`change(array)` is stored instead of a slot, by default of each."""
    return on_state(lambda name, slot, _step: change(slot) if only in (None, name) else slot)


def used(change: Callable[[NDArray[Any]], Any], only: str | None = None) -> Implementation:
    """As `_stored`, and the step itself goes on with what is stored of the updated rows."""

    def assign(rows: Rows, name: str, values: Any) -> None:
        vars(rows)[name] = change(np.asarray(values)) if only in (None, name) else values

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        step = reference(rule, table, given)

        def changed(rows: Integers, grads: Floats) -> Floats:
            Rows.__setattr__ = assign  # type: ignore[method-assign, assignment]
            try:
                with np.errstate(over="ignore"):
                    return step(rows, grads)
            finally:
                del Rows.__setattr__

        return changed

    return implementation


def on_show(change: Callable[[Floats], Floats]) -> Implementation:
    """`change(table)` is shown, and the rule goes on from the table."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        step = reference(rule, table, given)
        return lambda rows, grads: change(step(rows, grads))

    return implementation


def restored(only: str | None = None, at: int | None = None) -> Implementation:
    """A slot (by default each) has its first value again after a step (by default each)."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        start = rule.init(table, **given)

        def change(name: str, slot: NDArray[Any], step: int) -> NDArray[Any]:
            return start[name] if only in (None, name) and at in (None, step) else slot

        return on_state(change)(rule, table, given)

    return implementation
