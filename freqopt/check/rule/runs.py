"""A rule run through a case, with everything that it leaves behind at every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.cases.dialects import Case
from freqopt.optimizers import State
from freqopt.typing import Floats

Step = Callable[[Floats, State, NDArray[np.int64], Floats], None]


@dataclass(frozen=True)
class Run:
    """Table and state before the first step and after each: lists of S + 1."""

    tables: list[Floats]
    states: list[State]


class StepError(Exception):
    """What a step raised: the step's number, and the user's error."""

    def __init__(self, step: int, error: BaseException) -> None:
        self.step, self.error = step, error


def run(case: Case, step: Step | None = None, *, late: int = 0) -> Run:
    """A case from its beginning, or as if so many batches, and visits of each row, had been before.

    Raises
    ------
    StepError
        With the user's error.
    """
    rule, table = case.rule, case.exercise.table.copy()
    state = rule.init(table, **case.given)
    if late:
        for slot in rule.all_slots():
            if slot.name == "t" or (slot.dtype == "int64" and slot.per == "row"):
                state[slot.name] += late
    tables, states = [table.copy()], [copied(state)]
    for t, (rows, grads) in enumerate(case.exercise.batches, start=1):
        stepped(step or rule.step, table, state, rows.copy(), grads.copy(), t)
        tables.append(table.copy())
        states.append(copied(state))
    return Run(tables, states)


def stepped(step: Step, table: Floats, state: State, rows: Any, grads: Floats, t: int) -> None:
    """One step; what the user's code raises comes with the step's number."""
    try:
        with np.errstate(all="ignore"):
            step(table, state, rows, grads)
    except (Exception, SystemExit) as error:
        raise StepError(t, error) from error


def copied(state: State) -> State:
    """A state of its own."""
    return {name: np.array(values) for name, values in state.items()}


def first_difference(case: Case, one: Run, other: Run, names: tuple[str, str]) -> str:
    """Where two runs of a case first part, in words; "" if they have equal bits.

    `names` are what the runs are called: "update", "kernel".
    """
    for t in range(len(one.tables)):
        for slot in one.states[t]:
            a, b = one.states[t][slot], other.states[t].get(slot)
            if b is None or not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
                return _said(case, t, f"slot {slot}", a, b, names)
        a, b = one.tables[t], other.tables[t]
        if not np.array_equal(a, b, equal_nan=True):
            return _said(case, t, "the table", a, b, names)
    return ""


def _said(case: Case, t: int, what: str, a: Any, b: Any, names: tuple[str, str]) -> str:
    if b is None or a.shape != b.shape:
        return f"{what} at step {t}: {names[1]} has none of this shape"
    same = (a == b) | ((a != a) & (b != b))
    at = tuple(int(i) for i in np.argwhere(~same)[0]) if a.ndim else ()
    left, right = a[at].item(), b[at].item()
    unit = (
        float(np.spacing(np.maximum(np.abs(a[at]), np.finfo(a.dtype).tiny)))
        if (a.dtype.kind == "f" and np.isfinite([left, right]).all())
        else 0.0
    )
    apart = f", {abs(left - right) / unit:.3g} units in the last place apart" if unit else ""
    return (
        f"{what} at step {t}{_place(case, t, at)}: {names[0]} gives {left!r}, {names[1]} "
        f"{right!r}{apart}"
    )


def _place(case: Case, t: int, at: tuple[int, ...]) -> str:
    """The row and the column, and how the row comes in the batch."""
    if not at or not t:
        return ""
    row = at[-2] if len(at) > 1 else at[-1]
    rows, grads = case.exercise.batches[t - 1]
    here = rows == row
    times = int(here.sum())
    how = {0: "not in this batch", 1: "once in this batch"}.get(
        times, f"{times} times in the batch"
    )
    if times and not grads[here].any():
        how += ", gradient 0"
    if not rows.size:
        how = "the batch is empty"
    column = f", column {at[-1]}" if len(at) > 1 else ""
    return f", row {row} ({how}){column}"
