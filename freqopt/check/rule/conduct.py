"""How a rule behaves: what it gives, what it leaves alone, and that slots are all it remembers."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from freqopt.check.journal import Journal, said
from freqopt.check.rule.put import off_default
from freqopt.check.rule.runs import Run, StepError, copied, first_difference, run, stepped
from freqopt.crosscheck.cases.dialects import Case
from freqopt.crosscheck.cases.exercises import Exercise
from freqopt.optimizers import Rule
from freqopt.optimizers._rows import Rows

DISTINCT = 3
"""Mistakes of running that are told."""
FIRST = 24
"""Cases with the options that every rule has."""
KEEP = "keep what a table needs in a slot, and draw nothing at random"


def check_conduct(kind: type[Rule], on: list[Case], notes: Journal) -> bool:
    """Whether the rule can be run in every case and behaves."""
    before, some = notes.faults, _some(on)
    parts = {
        "running update twice": _remembered(kind, some[:1]),
        "running update in every case": _ran(on),
        "what update leaves alone": _left(some),
        "what the rule remembers": _remembered(kind, some[1:]),
    }
    for what, part in parts.items():
        notes.doing(what)
        for sentence in part:
            notes.fault(sentence)
        if notes.faults > before:
            return False
    if sentence := _mixes(on):
        notes.fault(sentence)
    notes.judged(f"update in {len(on)} cases: results, arguments, slots alone are remembered")
    return notes.faults == before


def _some(on: list[Case]) -> list[Case]:
    """The defaults, choices, and every value of the rule's own options, on repeated rows."""
    few = [c for c in on if c.exercise.name in ("main", "rough") and len(off_default(c.rule)) < 3]
    own: dict[str, Case] = {}
    for case in few:
        options = off_default(case.rule)
        if set(options) - set(Rule.model_fields):
            own.setdefault(repr(sorted(options.items())), case)
    return list({id(case): case for case in (*few[:FIRST], *own.values())}.values())


def _remembered(kind: type[Rule], some: list[Case]) -> Iterator[str]:
    """The first sign that slots are not all that the rule remembers."""
    for case in some:
        try:
            sentence = _remembers(kind, case)
        except StepError:  # `_ran` says it
            return
        if sentence:
            yield sentence
            return


def _left(some: list[Case]) -> Iterator[str]:
    """The first sign that update changes what it is given."""
    yield from itertools.islice(filter(None, map(_changed, some)), 1)


def _ran(on: list[Case]) -> Iterator[str]:
    """Every case once; each kind of mistake is told once."""
    told: set[str] = set()
    for case in on:
        try:
            done = run(case)
        except StepError as error:
            sentence = said(error.error, f"step {error.step}")
            form = re.sub(r"[\d.]+", "", sentence).replace("float", "")  # in every shape and dtype
            if form not in told and len(told) < DISTINCT:
                told.add(form)
                yield f"{sentence} (case {_name(case)}, step {error.step})"
            continue
        if not told and (sentence := _not_finite(case, done)):
            told.add(sentence)
            yield sentence


def _not_finite(case: Case, done: Run) -> str:
    """Finite gradients of ordinary size have made a table that is not finite."""
    if case.exercise.name.startswith("rough") or any(
        not np.isfinite(grads).all() for _, grads in case.exercise.batches
    ):
        return ""
    for t, table in enumerate(done.tables):
        if not np.isfinite(table).all():
            row, column = map(int, np.argwhere(~np.isfinite(table))[0])
            rows, grads = case.exercise.batches[t - 1]
            zero = (rows == row).any() and not grads[rows == row].sum(axis=0).any()
            hint = "its gradient is 0: look for 0 / 0" if zero else "look for a division by 0"
            return (
                f"update makes {table[row, column]} of finite gradients: case {_name(case)}, step "
                f"{t}, row {row}, column {column}; {hint}, or a root of something negative"
            )
    return ""


def _changed(case: Case) -> str:
    """What update or the step changes that is not its own to change."""
    rule, found = case.rule, list[str]()
    own = rule.update

    def update(_: Rule, w: Any, g: Any, s: Rows) -> Any:
        kept = {
            "w, the rows": w,
            "g, the gradients": g,
            "s.ids": s.ids,
            "s.occurrences": s.occurrences,
        }
        if s.squares is not None:
            kept["s.squares"] = s.squares
        copies = {name: value.copy() for name, value in kept.items()}
        new = own(w, g, s)
        for name, value in kept.items():
            if not np.array_equal(value, copies[name], equal_nan=True):
                found.append(name)
        return new

    watched = rule.with_methods(update=update)
    table, t = case.exercise.table.copy(), 0
    state = watched.init(table, **case.given)
    for t, (rows, grads) in enumerate(case.exercise.batches, start=1):
        given, rows_given = grads.copy(), rows.copy()
        stepped(watched.step, table, state, rows_given, given, t)
        if not np.array_equal(given, grads, equal_nan=True):
            found.append("the caller's gradients")
        if not np.array_equal(rows_given, rows):
            found.append("the caller's rows")
        if found:
            break
    if not found:
        return ""
    code = rule.update.__code__
    return (
        f"{code.co_filename}, line {code.co_firstlineno}: update writes into {found[0]} (case "
        f"{_name(case)}, step {t}), which is not its own; make a new array: g = g * 2, not g *= 2"
    )


def _remembers(kind: type[Rule], case: Case) -> str:
    """Whether numbers depend on something other than table, state and batch."""
    first = _seeded(lambda: run(case), 1)
    again = _seeded(lambda: run(case), 1)
    names = ("the first run", "the second")
    if where := first_difference(case, first, again, names):
        return (
            f"update does not give the same numbers twice: case {_name(case)}, {where}; it "
            f"remembers something outside of its slots, or is random; {KEEP}"
        )
    other = _seeded(lambda: run(case), 2)
    if where := first_difference(case, first, other, ("one random seed", "another")):
        return (
            f"update depends on the global random numbers: case {_name(case)}, {where}; use "
            "freqopt.streams, addressed by seed, run and s.t"
        )
    beside = _beside_another(case)
    if where := first_difference(case, first, beside, ("alone", "beside another table")):
        return (
            f"a table's numbers depend on another table's steps: case {_name(case)}, {where}; the "
            f"rule or its module keeps something for both; {KEEP}"
        )
    resumed = _resumed(kind, case, first)
    if where := first_difference(case, first, resumed, ("one run", "a run resumed from its state")):
        return (
            f"a run that is resumed from its table and state goes on differently: case "
            f"{_name(case)}, {where}; something is kept outside of the slots; {KEEP}"
        )
    return ""


def _seeded(function: Callable[[], Run], seed: int) -> Run:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - what a user's code may depend on
    return function()


def _beside_another(case: Case) -> Run:
    """The case step by step beside a second table of the same rule, that sees other batches."""
    rule = case.rule
    table, other = case.exercise.table.copy(), -case.exercise.table[::-1].copy()
    state, others = rule.init(table, **case.given), rule.init(other, **case.given)
    tables, states = [table.copy()], [copied(state)]
    batches = case.exercise.batches
    for t, (rows, grads) in enumerate(batches, start=1):
        rows_2, grads_2 = batches[-t]
        stepped(rule.step, other, others, rows_2.copy(), 3 * grads_2, t)
        stepped(rule.step, table, state, rows.copy(), grads.copy(), t)
        tables.append(table.copy())
        states.append(copied(state))
    return Run(tables, states)


def _resumed(kind: type[Rule], case: Case, first: Run) -> Run:
    """The case from the middle on, by a rule made anew, after the whole of it was run."""
    half = len(case.exercise.batches) // 2
    rule = kind(**case.rule.model_dump())
    table, state = first.tables[half].copy(), copied(first.states[half])
    tables, states = first.tables[: half + 1], first.states[: half + 1]
    for t, (rows, grads) in enumerate(case.exercise.batches[half:], start=half + 1):
        stepped(rule.step, table, state, rows.copy(), grads.copy(), t)
        tables = [*tables, table.copy()]
        states = [*states, copied(state)]
    return Run(tables, states)


def _mixes(on: list[Case]) -> str:
    """Whether a row that says it stands alone depends on the other rows of its batch."""
    for case in on:
        rule = case.rule
        shared = [s.name for s in rule.all_slots() if s.per == "table" and s.name != "t"]
        if case.exercise.name != "main" or len(off_default(rule)) > 1 or shared:
            continue
        if not rule.row_local or rule.count_empty is False:
            continue
        whole = run(case)
        for row in (0, 6):
            alone = run(replace(case, exercise=_only(case.exercise, row)))
            parted = [
                t
                for t in range(len(whole.tables))
                if not np.array_equal(whole.tables[t][row], alone.tables[t][row], equal_nan=True)
            ]
            if parted:
                t = parted[0]
                column = int(np.argmax(whole.tables[t][row] != alone.tables[t][row]))
                a, b = whole.tables[t][row, column], alone.tables[t][row, column]
                return (
                    f"row {row} depends on the other rows of its batch: case {_name(case)}, step "
                    f"{t}, column {column}: {a.item()!r} with them, {b.item()!r} alone; take sums "
                    "and norms along axis=1, or let row_local be False"
                )
    return ""


def _only(exercise: Exercise, row: int) -> Exercise:
    """The occurrences of one row."""
    batches = tuple((rows[rows == row], grads[rows == row]) for rows, grads in exercise.batches)
    return replace(exercise, batches=batches)


def _name(case: Case) -> str:
    return f"{case.name}, {case.exercise.table.dtype}"


def told_options(rule: Rule) -> Iterator[str]:
    """Options off their defaults, as a user writes them."""
    yield from (f"{name} = {value}" for name, value in off_default(rule).items())
