"""A mistake that is made in some rows or at some steps only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.optimizers import Rule, State
from freqopt.optimizers._batch import Batch
from freqopt.typing import Floats, Integers

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class When:
    """Rows and steps in which a mistake is made.

    Attributes
    ----------
    said : str
    holds : callable (visits before (N,), occurrences (N,), t) -> (N,) bool
    """

    said: str
    holds: Callable[[Any, Any, int], Any]


WHEN = (
    When("at the first step", lambda visits, here, t: (visits >= 0) & (t == 1)),
    When("after the first step", lambda visits, here, t: (visits >= 0) & (t > 1)),
    When("at a row's first visit", lambda visits, here, t: (visits == 0) & (here > 0)),
    When("after a row's first visit", lambda visits, here, t: visits > 0),
    When("in rows that come more than once", lambda visits, here, t: here > 1),
    When("in rows that come once", lambda visits, here, t: here == 1),
    When("in rows of the batch", lambda visits, here, t: here > 0),
    When("in rows outside the batch", lambda visits, here, t: here == 0),
    When("in row 0", lambda visits, here, t: np.arange(visits.size) == 0),
    When("in the last row of the table", lambda visits, here, t: np.arange(visits.size) == (
        visits.size - 1
    )),
    When("in every second step", lambda visits, here, t: (visits >= 0) & (t % 2 == 0)),
)  # fmt: skip


def after_steps(last: int) -> When:
    """From the step after these on."""
    return When(f"after {last} steps", lambda visits, here, t: (visits >= 0) & (t > last))


def conditional(some: list[Mistake], batches: Any, size: int, wrong: Any) -> Iterator[Mistake]:
    """Mistakes of equations, made only when one of `WHEN` holds.

    Parameters
    ----------
    some : list of Mistake
        Those whose `changed` says what they change.
    batches : list of (rows, grads)
    size : int
        Rows of the table.
    wrong : (S, N) bool
        Which rows were not as asked, after each step: a condition that has not yet held in the
        rows that are wrong first, or that holds always, is not tried.
    """
    steps = _when_wrong(batches, size, wrong)
    good = int(np.argmax(wrong.any(axis=1))) if wrong.any() else 0
    for when in (*WHEN, *((after_steps(good),) if good > 1 else ())):
        held, always = steps(when)
        if not held or always:
            continue
        for one in some:
            if one.changed is not None:
                cause = f"{one.cause}, {when.said}"
                yield Mistake(cause, made_when(when, one.changed), one.rank + 1)


def _when_wrong(batches: Any, size: int, wrong: Any) -> Callable[[When], tuple[bool, bool]]:
    """For a condition: whether it has held in the rows wrong first; whether it always holds."""

    def look(when: When) -> tuple[bool, bool]:
        visits, ever, always = np.zeros(size, np.int64), np.zeros(size, bool), True
        held = None
        for t, (rows, _) in enumerate(batches, start=1):
            here = np.bincount(rows, minlength=size)
            mask = np.asarray(when.holds(visits, here, t))
            always &= bool(mask[here > 0].all())
            ever |= mask
            if held is None and wrong[t - 1].any():
                held = bool(ever[wrong[t - 1]].all())
            visits += here > 0
        return bool(held), always

    return look


def made_when(when: When, changed: Callable[[Rule], Rule]) -> Implementation:
    """The reference, which goes on as the changed rule where and when a condition holds."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        visits, other = np.zeros(len(table), np.int64), changed(rule)

        def apply(self: Rule, table: Floats, state: State, batch: Batch, first: bool) -> None:
            here = np.zeros(len(table), np.int64)
            here[batch.rows] = batch.occurrences
            mask = np.asarray(when.holds(visits, here, int(state["t"])))
            new, kept = table.copy(), {name: slot.copy() for name, slot in state.items()}
            other._apply(new, kept, batch, first)
            type(self)._apply(rule, table, state, batch, first)
            table[mask] = new[mask]
            for name, slot in state.items():
                if slot.ndim and name in kept and slot.shape[0] == mask.size:
                    slot[mask] = kept[name][mask]

        step = reference(rule.with_methods(_apply=apply), table, given)

        def again(rows: Integers, grads: Floats) -> Floats:
            after = step(rows, grads)
            visits[np.unique(rows)] += 1
            return after

        return again

    return implementation
