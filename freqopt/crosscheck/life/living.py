"""The reference with everything that may happen to an optimizer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from freqopt.crosscheck.implementation import Given, Step, reference, shown
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

Saved = dict[str, NDArray[Any]]


class Living:
    """What `make` returns, with all methods. Its parts are open, for what can be wrong with them.

    Parameters
    ----------
    rule : Rule
    table : float32 or float64 (N, d)
        Kept, and changed in place.
    given : mapping of str to array
        Slots that the rule wants handed in.
    """

    def __init__(self, rule: Rule, table: Floats, given: Given) -> None:
        self.rule, self.table, self.start = rule, table, table.dtype
        self.state = rule.init(table, **given)
        self.own = [slot.name for slot in rule.all_slots() if not slot.given]
        self.waiting: list[tuple[Integers, Floats]] = []
        self.next = 0.0
        self.last = np.zeros(0, np.int64), np.zeros((0, table.shape[1]), table.dtype)

    def __call__(self, rows: Integers, grads: Floats) -> Floats:
        """One step with all that has been accumulated; the whole table after it."""
        parts = zip(*self.taken([*self.waiting, (rows, grads)]), strict=True)
        self.waiting = []
        self.rule.step(self.table, self.state, *(np.concatenate(part) for part in parts))
        return self.seen()

    def taken(self, batches: list[tuple[Integers, Floats]]) -> list[tuple[Integers, Floats]]:
        """What a step takes of the accumulated batches and its own: all of them."""
        return batches

    def seen(self) -> Floats:
        """The table as a reader sees it."""
        return shown(self.rule, self.table, self.state)

    def save(self) -> Saved:
        """Everything that a new optimizer needs beside the table."""
        self.rule.catch_up(self.table, self.state)
        return {name: self.state[name].copy() for name in self.own}

    def restore(self, saved: Saved) -> None:
        """Go on where the one that was saved stood."""
        for name, values in saved.items():
            self.state[name][...] = values

    def set_rate(self, lr: float) -> None:
        """Use another base rate from now on."""
        self.rule = self.rule.model_copy(update={"lr": lr})

    def idle(self) -> Floats:
        """A step without a gradient: nothing."""
        return self.seen()

    def accumulate(self, rows: Integers, grads: Floats) -> None:
        """Keep a batch for the next step."""
        self.waiting.append((rows, grads))

    def cast(self, dtype: DTypeLike) -> None:
        """Go on in another dtype."""
        self.rule.catch_up(self.table, self.state)
        self.table = self.table.astype(dtype)
        for slot in self.rule.all_slots():
            if slot.dtype == "table":
                self.state[slot.name] = self.state[slot.name].astype(dtype)


def rules_of(rule: Rule) -> dict[str, Rule]:
    """The rules of two tables: the second has half of the rate."""
    return {"a": rule, "b": rule.model_copy(update={"lr": rule.lr / 2})}


def split(rows: Integers, grads: Floats) -> dict[str, tuple[Integers, Floats]]:
    """A batch as batches of two tables."""
    half = rows.size // 2
    return {"a": (rows[:half], grads[:half]), "b": (rows[half:], grads[half:])}


def one_of_two(name: str, rule: Rule, table: Floats, given: Given) -> Step:
    """One of two tables, each with its own options and state."""
    one = reference(rules_of(rule)[name], table, given)
    return lambda rows, grads: one(*split(rows, grads)[name])
