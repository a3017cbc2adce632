"""What happens to an implementation that offers a method for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from freqopt.crosscheck.implementation import Given, Implementation, Step
from freqopt.crosscheck.life.living import rules_of, split
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

AT = 8
"""The step before which the optimizer is saved, changed or left without a gradient."""

STEPPED = (1, 3, 4, 7, 9, 12, 13, 16)
"""The batches of an accumulating caller after which it steps: one to three are taken together.

Were they always as many, an average would be a sum to a rule that has no scale.
"""

Group = Callable[..., Any]

Turn = Callable[[Any, int, Integers, Floats], Any]
"""What happens at step t: (optimizer, t, rows, grads) -> the table, or None if it is as it was."""


def _with(turn: Turn) -> Callable[[Implementation], Implementation]:
    """Every step of an implementation taken by a turn."""

    def lived(implementation: Implementation) -> Implementation:
        def start(rule: Rule, table: Floats, given: Given) -> Step:
            one, t, last = implementation(rule, table, given), 0, table.copy()

            def step(rows: Integers, grads: Floats) -> Any:
                nonlocal t, last
                t += 1
                after = turn(one, t, rows, grads)
                last = last if after is None else np.array(after)
                return last

            return step

        return start

    return lived


def restored(implementation: Implementation) -> Implementation:
    """Saved after some steps, and gone on with by a new optimizer on the table as it then is."""

    def start(rule: Rule, table: Floats, given: Given) -> Step:
        one, t, last = implementation(rule, table, given), 0, table.copy()

        def step(rows: Integers, grads: Floats) -> Any:
            nonlocal one, t, last
            t += 1
            if t == AT:
                saved = one.save()  # type: ignore[attr-defined]
                one = implementation(rule, last.copy(), given)
                one.restore(saved)  # type: ignore[attr-defined]
            last = np.array(one(rows, grads))
            return last

        return step

    return start


def rated(implementation: Implementation) -> Implementation:
    """Its base rate is halved after some steps."""

    def start(rule: Rule, table: Floats, given: Given) -> Step:
        def turn(one: Any, t: int, rows: Integers, grads: Floats) -> Any:
            if t == AT:
                one.set_rate(0.5 * rule.lr)
            return one(rows, grads)

        return _with(turn)(implementation)(rule, table, given)

    return start


def _idle(one: Any, t: int, rows: Integers, grads: Floats) -> Any:
    return one.idle() if t == AT else one(rows, grads)


idle = _with(_idle)
"""In the place of a step it has no gradient."""


def _accumulated(one: Any, t: int, rows: Integers, grads: Floats) -> Any:
    return one(rows, grads) if t in STEPPED else one.accumulate(rows, grads)


accumulated = _with(_accumulated)
"""Some batches are only added to the next."""


def cast(implementation: Implementation) -> Implementation:
    """From some step on the table, its state and its gradients are of the other dtype."""

    def start(rule: Rule, table: Floats, given: Given) -> Step:
        kind = table.dtype
        other = np.dtype(np.float32 if kind == np.float64 else np.float64)

        def turn(one: Any, t: int, rows: Integers, grads: Floats) -> Any:
            if t == AT:
                one.cast(other.name)
            if t < AT:
                return one(rows, grads)
            return np.asarray(one(rows, grads.astype(other))).astype(kind)

        return _with(turn)(implementation)(rule, table, given)

    return start


def cast_first(implementation: Implementation) -> Implementation:
    """Made in float32, and in the table's dtype from before the first step on.

    Nothing was rounded yet, so all that follows has the precision of the other dtype.
    """

    def start(rule: Rule, table: Floats, given: Given) -> Step:
        one = implementation(rule, table.astype(np.float32), given)
        one.cast(table.dtype.name)  # type: ignore[attr-defined]
        return one

    return start


def of_group(group: Group, name: str, _implementation: Implementation) -> Implementation:
    """One of two tables of a group."""

    def start(rule: Rule, table: Floats, given: Given) -> Step:
        tables = {"a": table.copy(), "b": table.copy()}
        one = group(rules_of(rule), tables, given)
        return lambda rows, grads: one(split(rows, grads))[name]

    return start


def of_shared(group: Group, _implementation: Implementation) -> Implementation:
    """One table under two names."""

    def start(rule: Rule, table: Floats, given: Given) -> Step:
        one = group({"a": rule, "b": rule}, {"a": table, "b": table}, given)
        return lambda rows, grads: one(split(rows, grads))["a"]

    return start
