"""Rows and counts beyond 2^24, where a float32 no longer tells neighbours apart (`--thorough`).

A table of 2^24 rows of one column is handed to the implementation; the reference has only the rows
that come, for a rule of touched rows looks at no other. Counts are brought beyond 2^24 in a saved
state if the implementation saves the rule's own slots by name, else by one batch with so many
occurrences of a row where the rule counts these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from freqopt.crosscheck.cases.dialects import Case, made
from freqopt.crosscheck.cases.exercises import Exercise
from freqopt.crosscheck.compare import compare
from freqopt.crosscheck.diagnosis.divergence import block
from freqopt.crosscheck.implementation import Implementation, accepted, reference, shown, trace
from freqopt.crosscheck.kit import WIDEST
from freqopt.crosscheck.report import Judgement
from freqopt.errors import CrosscheckError
from freqopt.optimizers import Rule
from freqopt.typing import Floats

BEYOND = 2**24
"""The last whole number up to which float32 has all."""

ROWS = (0, 1, BEYOND - 1, BEYOND, BEYOND + 1, BEYOND + 2, BEYOND + 3)
"""Rows that come, in ascending order; a number rounded up is still one of the table."""

_BATCHES = ((5, 3, 5), (0, 4, 6, 4), (2, 3, 4, 5), (1, 6, 0, 5))
"""Places in `ROWS` of the occurrences of each batch."""

Thorough = tuple[list[Judgement], list[tuple[str, str]]]
"""What was judged, and (what, why) of what was not."""


def thorough(implementation: Implementation, on: Case) -> Thorough:
    """Judge large rows and counts.

    Parameters
    ----------
    implementation : Implementation
        In this process: 2^24 rows are no text for a pipe.
    on : Case
        A case that it accepts; its rule and dtype are used.
    """
    judged: list[Judgement] = []
    missing: list[tuple[str, str]] = []
    for what, look in (
        ("rows beyond 2^24", _rows),
        ("steps beyond 2^24", _saved_steps),
        ("occurrences beyond 2^24", _occurrences),
    ):
        found = look(implementation, on)
        if isinstance(found, str):
            missing.append((what, found))
        else:
            named = replace(found.case, name=f"{what}: {on.name}")
            judged.append(replace(found, case=named))
    return judged, missing


def _rows(implementation: Implementation, on: Case) -> Judgement | str:
    rule = on.rule
    if rule.rows == "all" or rule.catches_up_before_reading:
        return "the rule updates every row of the table"
    if rule.weight_decay and rule.decay == "decoupled" and rule.decay_rows != "updated":
        return "the rule's weight decay reaches every row of the table"
    dtype = on.exercise.table.dtype
    small = _small(dtype)
    exact = Case("", rule, small)
    table = np.zeros((BEYOND + 8, 1), dtype)
    rows = np.array(ROWS)
    table[rows] = small.table
    batches = tuple((rows[places], grads) for places, grads in small.batches)
    given = {name: _spread(values, len(table), rows) for name, values in exact.given.items()}
    tables = np.empty((len(batches) + 1, *small.table.shape), dtype)
    tables[0] = small.table
    try:
        step = implementation(rule, table.copy(), given)
        for t, (some, grads) in enumerate(batches, start=1):
            after = np.asarray(step(some.copy(), grads.copy()))
            tables[t] = after[rows]
            table[rows] = after[rows]
            if not np.array_equal(after, table):
                row = int(np.flatnonzero((after != table).any(axis=1))[0])
                message = f"rows beyond 2^24: step {t} changed row {row}, which is not in its batch"
                return Judgement(exact, "FAIL", None, message, cause=_CAUSE)
    except NotImplementedError as error:
        return str(error)
    except Exception as error:
        return Judgement(exact, "ERROR", message=f"rows beyond 2^24: {error}")
    return _against(exact, trace(reference, exact), tables, _CAUSE)


_CAUSE = "row numbers beyond 2^24 are not told apart, as in float32"


def _small(dtype: Any) -> Exercise:
    """The rows that come, alone: batches of the numbers k / 64."""
    table = (np.arange(1, len(ROWS) + 1)[:, None] / 8).astype(dtype)
    batches = []
    for t, places in enumerate(_BATCHES):
        grads = (np.arange(1, len(places) + 1)[:, None] * (t + 2) / 64).astype(dtype)
        batches.append((np.array(places), grads))
    return Exercise("main", table, tuple(batches))


def _spread(values: Any, size: int, rows: Any) -> Any:
    """What is handed in for the rows that come, in an array for all."""
    whole = np.full((size, *values.shape[1:]), values.min())
    whole[rows] = values
    return whole


def _saved_steps(implementation: Implementation, on: Case) -> Judgement | str:
    """The count of steps in a saved state is moved beyond 2^24."""
    rule = made(type(on.rule), {**dict(on.rule), "lr_decay": 1e-7})  # the rate tells steps apart
    if rule is not None and accepted(implementation, rule, on.exercise.table.dtype):
        on = replace(on, rule=rule)
    slots = {slot.name for slot in on.rule.all_slots() if not slot.given}
    try:
        one: Any = implementation(on.rule, on.exercise.table.copy(), on.given)
        if not (hasattr(one, "save") and hasattr(one, "restore")):
            return "what make returns has no save and restore"
        saved = one.save()
    except Exception as error:
        return f"save failed: {error}"
    if not isinstance(saved, Mapping) or not slots <= set(saved):
        return f"what save returns has not the rule's own {', '.join(sorted(slots))} by name"

    def start(rule: Rule, table: Floats, given: Any) -> Any:
        own: Any = implementation(rule, table, given)
        state = dict(own.save())
        later = state["t"] + BEYOND
        state["t"] = np.asarray(later) if isinstance(state["t"], np.ndarray) else later
        own.restore(state)
        return own

    def right(rule: Rule, table: Floats, given: Any) -> Any:
        state = rule.init(table, **given)
        state["t"] += BEYOND

        def step(rows: Any, grads: Floats) -> Floats:
            rule.step(table, state, rows, grads)
            return shown(rule, table, state)

        return step

    if on.rule.catches_up_before_reading:
        return "a row would have missed 2^24 batches"
    return _judged(start, right, on, "steps beyond 2^24 are not told apart, as in float32")


def _occurrences(implementation: Implementation, on: Case) -> Judgement | str:
    """One batch has a row more often than 2^24 times."""
    dtype = on.exercise.table.dtype
    if not hasattr(on.rule, "unit"):
        return "the rule does not count occurrences"
    rule = made(type(on.rule), {**dict(on.rule), "unit": "occurrence"})
    if rule is None or not accepted(implementation, rule, dtype):
        return "unit = occurrence is refused"
    rows = np.zeros(BEYOND + 1, np.int64)
    many = np.zeros((rows.size, 1), dtype)
    many[-1] = 0.5
    one = np.array([0, 1]), np.full((2, 1), 0.25, dtype)
    put = Exercise("main", np.ones((2, 1), dtype), ((rows, many), one, one))
    cause = "occurrences beyond 2^24 are not counted, as in float32"
    return _judged(implementation, reference, Case(on.name, rule, put), cause)


def _judged(
    implementation: Implementation, right: Implementation, case: Case, cause: str
) -> Judgement:
    try:
        got = trace(implementation, case)
    except CrosscheckError as error:
        return Judgement(case, "ERROR", message=str(error))
    return _against(case, trace(right, case), got, cause)


def _against(case: Case, expected: Floats, got: Floats, cause: str) -> Judgement:
    found = compare(case, expected, got, WIDEST[expected.dtype])
    if found.first is None:
        return Judgement(case, "PASS", found)
    return Judgement(case, "FAIL", found, block(case, expected, got, found.first), cause=cause)
