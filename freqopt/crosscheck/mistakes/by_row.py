"""The reference one row after the other, so that something may happen between rows."""

from __future__ import annotations

from collections.abc import Callable

from freqopt.crosscheck.implementation import Given, Implementation, Step, shown
from freqopt.optimizers import Rule, State
from freqopt.optimizers._batch import Batch, densify, preprocess
from freqopt.typing import Floats, Integers

Visit = Callable[[Rule, Floats, State, Batch, bool], None]
"""Updates one row: (rule, table, state, batch of that row, whether it is the first round)."""


def by_row(make: Callable[[], Visit]) -> Implementation:
    """The reference one row after the other; `make` begins a run."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state, visit = rule.init(table, **given), make()

        def step(rows: Integers, grads: Floats) -> Floats:
            batches = preprocess(rule, table, rows, grads)
            if batches or rule.count_empty:
                state["t"] += 1
                if rule.rows == "all":
                    batches = [densify(batches, table)]
                for k, batch in enumerate(batches):
                    for row in batch.rows:
                        visit(rule, table, state, batch.take(batch.rows == row), k == 0)
            return shown(rule, table, state)

        return step

    return implementation


def shared(names: list[str]) -> Callable[[], Visit]:
    """One row's slots are handed on to the next."""

    def make() -> Visit:
        kept: State = {}

        def visit(rule: Rule, table: Floats, state: State, one: Batch, first: bool) -> None:
            for name, values in kept.items():
                state[name][one.rows] = values
            rule._apply(table, state, one, first)
            for name in names:
                if state[name].ndim:
                    kept[name] = state[name][one.rows].copy()

        return visit

    return make


def in_turn(names: list[str], place: Callable[[int, int], int]) -> Callable[[], Visit]:
    """Slots are those of another row, `place(row, number of rows)`; one row after the other."""

    def make() -> Visit:
        kept: State = {}

        def visit(rule: Rule, table: Floats, state: State, one: Batch, first: bool) -> None:
            at = place(int(one.rows[0]), len(table))
            for name in names:
                kept.setdefault(name, state[name].copy())
                if state[name].ndim:
                    state[name][one.rows] = kept[name][at]
            rule._apply(table, state, one, first)
            for name in names:
                if state[name].ndim:
                    kept[name][at] = state[name][int(one.rows[0])]

        return visit

    return make


def clocks(count: Callable[[dict[int, int], int, int, Batch], int]) -> Callable[[], Visit]:
    """The step index of a row is `count(visits so far, row, t, batch)`."""

    def make() -> Visit:
        seen: dict[int, int] = {-1: 0}

        def visit(rule: Rule, table: Floats, state: State, one: Batch, first: bool) -> None:
            t = int(state["t"])
            state["t"][...] = count(seen, int(one.rows[0]), t, one)
            rule._apply(table, state, one, first)
            state["t"][...] = t

        return visit

    return make


def next_row(by: int = 1) -> Callable[[dict[int, int], int, int, Batch], int]:
    """A count that every updated row advances."""

    def count(seen: dict[int, int], _row: int, _t: int, _one: Batch) -> int:
        seen[-1] += by
        return seen[-1]

    return count


def own_count(
    occurrences: bool, least: int = 1
) -> Callable[[dict[int, int], int, int, Batch], int]:
    """A row's own visits or occurrences."""

    def count(seen: dict[int, int], row: int, _t: int, one: Batch) -> int:
        here = int(one.occurrences[0])
        seen[row] = seen.get(row, 0) + (here if occurrences else min(here, 1))
        return max(seen[row], least)

    return count


def gap() -> Callable[[dict[int, int], int, int, Batch], int]:
    """Batches since the row's last visit."""

    def count(seen: dict[int, int], row: int, t: int, _one: Batch) -> int:
        before, seen[row] = seen.get(row, 0), t
        return t - before

    return count
