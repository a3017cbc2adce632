"""What is judged: anything that takes batches and shows its table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from freqopt._interrupts import is_request
from freqopt.crosscheck.cases.dialects import Case
from freqopt.crosscheck.cases.exercises import Exercise
from freqopt.errors import CrosscheckError, UnsupportedError, in_words, own_mistake
from freqopt.optimizers import Rule, State
from freqopt.typing import Floats, Integers

Given = Mapping[str, NDArray[Any]]

Step = Callable[[Integers, Floats], NDArray[Any]]
"""Takes one batch (rows (B,), grads (B, d)) and returns the whole table (N, d) after it."""

Implementation = Callable[[Rule, Floats, Given], Step]
"""Makes a step from the options of a rule, the table before the first step, and given slots.

The table is the implementation's to keep and to change.
"""


def trace(implementation: Implementation, case: Case) -> Floats:
    """The table before the first step and after every step: (S + 1, N, d).

    Parameters
    ----------
    implementation : callable (rule, table, given) -> step
        Makes a step, which takes (rows, grads) and returns the whole table.
    case : Case

    Returns
    -------
    float32 or float64 (S + 1, N, d)

    Raises
    ------
    UnsupportedError
        The implementation raises NotImplementedError: it has no such option.
    CrosscheckError
        The implementation raises anything else, or returns something that is not the table.
    """
    exercise = case.exercise
    tables = np.empty((len(exercise.batches) + 1, *exercise.table.shape), exercise.table.dtype)
    tables[0] = exercise.table
    # Where NaN and infinity are handed in, a warning of them is no news.
    finite = all(np.isfinite(grads).all() for _, grads in exercise.batches)
    with nullcontext() if finite else np.errstate(invalid="ignore", over="ignore"):
        for t, table in enumerate(steps(implementation, case), start=1):
            tables[t] = table
    return tables


def steps(implementation: Implementation, case: Case) -> Iterator[Floats]:
    """The table after each step (N, d), one after the other; errors as `trace`.

    The arrays are the implementation's: read them before the next one is asked for.
    """
    exercise = case.exercise
    given = {name: values.copy() for name, values in case.given.items()}
    table = exercise.table.copy()
    step = _guarded("making the optimizer", implementation, case.rule, table, given)
    for t, (rows, grads) in enumerate(exercise.batches, start=1):
        after = _guarded(f"step {t}", step, rows.copy(), grads.copy())
        yield _table(after, exercise.table, t)


def accepted(implementation: Implementation, rule: Rule, dtype: DTypeLike) -> bool:
    """Whether an implementation takes a rule; one that fails in another way does.

    It is made for a table of 2 rows, and sees one batch of one occurrence.
    """
    table, grads = np.zeros((2, 4), dtype), np.full((1, 4), 0.5, dtype)
    put = Exercise("probe", table, ((np.array([1]), grads),))
    try:
        for _ in steps(implementation, Case("probe", rule, put)):
            pass
    except UnsupportedError:
        return False
    except CrosscheckError:
        return True
    return True


def _guarded(where: str, call: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except CrosscheckError:
        raise
    except NotImplementedError as error:
        raise UnsupportedError(str(error) or "no reason given") from error
    except BaseException as error:
        if is_request(error):
            raise
        own = own_mistake(error) or in_words(error)
        raise CrosscheckError(f"the implementation failed at {where}: {own}") from error


def _table(after: Any, table: Floats, t: int) -> Floats:
    if after is None:
        raise CrosscheckError(
            f"step {t} returned None, expected the whole table after the step; a step that changes "
            "the table in place ends with: return table"
        )
    array = _guarded(f"reading the table of step {t}", np.asarray, after)
    if array.shape != table.shape or array.dtype != table.dtype:
        raise CrosscheckError(
            f"step {t} returned {array.dtype} of shape {array.shape}, expected the whole table: "
            f"{table.dtype} of shape {table.shape}"
        )
    return array


def stepping(take: Callable[[Rule, Floats, State, Integers, Floats], None]) -> Implementation:
    """An implementation from `take(rule, table, state, rows, grads)`, a step in place."""

    def start(rule: Rule, table: Floats, given: Given) -> Step:
        """Make a step of the reference from a rule, the table before it, and given slots.

        Parameters
        ----------
        rule : Rule
        table : float32 or float64 (N, d)
            Kept, and changed in place.
        given : mapping of str to array
            Slots that the rule wants handed in.

        Returns
        -------
        callable (rows (B,), grads (B, d)) -> table (N, d)
        """
        state = rule.init(table, **given)

        def step(rows: Integers, grads: Floats) -> Floats:
            take(rule, table, state, rows, grads)
            return shown(rule, table, state)

        return step

    return start


def _step(rule: Rule, table: Floats, state: State, rows: Integers, grads: Floats) -> None:
    rule.step(table, state, rows, grads)
    if rule.catches_up_before_reading and "_replay" not in vars(rule):
        # Its rows are the same whenever they catch up: replayed once, not at every look.
        rule.catch_up(table, state)


reference = stepping(_step)
"""The reference itself, as an implementation."""

slow_reference = stepping(lambda rule, *step: rule.slow_step(*step))
"""The second reference, in scalar loops."""


def lazily(rule: Rule) -> bool:
    """Whether weights decay when a row is visited: until then it may be shown as it lies."""
    return any(slot.name == "decayed_at" for slot in rule.all_slots())


def as_it_lies(rule: Rule, table: Floats, given: Given) -> Step:
    """The reference, whose rows that wait for their decay are shown as they lie."""
    state = rule.init(table, **given)

    def step(rows: Integers, grads: Floats) -> Floats:
        rule.step(table, state, rows, grads)
        return table

    return step


def shown(rule: Rule, table: Floats, state: State) -> Floats:
    """The table as a reader sees it: a lazy rule's rows catch up in a copy."""
    seen, kept = table.copy(), {name: values.copy() for name, values in state.items()}
    rule.catch_up(seen, kept)
    return seen
