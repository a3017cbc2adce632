"""Steps counted wrongly: by row, by occurrence, from another number, in too few bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from freqopt.crosscheck.implementation import Given, Implementation, Step, shown
from freqopt.crosscheck.mistakes.by_row import by_row, clocks, gap, next_row, own_count
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers


def in_counts() -> Iterator[Mistake]:
    """How steps are counted."""
    for cause, count in {
        "the step is counted per row: every row that is updated advances it": next_row(),
        "the step of a row is counted in its own visits": own_count(occurrences=False),
        "the step of a row is counted in its own occurrences": own_count(occurrences=True),
        "the step of a row is counted from its last visit": gap(),
    }.items():
        yield Mistake(cause, by_row(clocks(count)))
    for cause, index in {
        "the step starts at 0": lambda t, rows: t - 1,
        "the step starts at 2": lambda t, rows: t + 1,
        "the step stays 1": lambda t, rows: 1,
        "the step advances twice a batch": lambda t, rows: 2 * t,
        "the step stops at 127, as a counter of 8 bits with sign": lambda t, rows: min(t, 127),
        "the step stops at 255, as a counter of 8 bits": lambda t, rows: min(t, 255),
        "the step wraps after 255, as a counter of 8 bits": lambda t, rows: (t - 1) % 256 + 1,
        "the step wraps to 0 after 255, as a counter of 8 bits": lambda t, rows: t % 256,
        "the step wraps after 127, as a counter of 8 bits with sign": lambda t, rows: (
            (t + 128) % 256 - 128
        ),
        "the step stops at 256, as a count in bfloat16": lambda t, rows: min(t, 256),
        "the step stops at 1000": lambda t, rows: min(t, 1000),
        "the step stops at 10": lambda t, rows: min(t, 10),
    }.items():
        yield Mistake(cause, _stepped(index))
    yield Mistake(
        "the step advances by the occurrences of a batch", _counted(lambda rows: rows.size)
    )
    yield Mistake(
        "the step advances by the different rows of a batch",
        _counted(lambda rows: np.unique(rows).size),
    )
    yield Mistake(
        "the step advances only in batches in which a row comes twice",
        _counted(lambda rows: int(np.unique(rows).size < rows.size)),
    )
    yield Mistake(
        "the step advances by the occurrences of a batch, by 1 in an empty one",
        _counted(lambda rows: max(rows.size, 1)),
    )
    yield Mistake(
        "the step advances by the different rows of a batch, by 1 in an empty one",
        _counted(lambda rows: max(np.unique(rows).size, 1)),
    )
    yield Mistake("an empty batch is not counted", _counted(lambda rows: int(rows.size > 0)))
    for said, when in {
        "an empty batch": lambda rows: not rows.size,
        "a batch of one occurrence": lambda rows: rows.size == 1,
        "a batch in which a row comes twice": lambda rows: np.unique(rows).size < rows.size,
    }.items():
        for lost, what in (("the step", "t"), ("all state", "state"), ("state and step", "all")):
            yield Mistake(f"{said} resets {lost}", _reset(when, what))


def in_counts_until(last: int) -> Iterator[Mistake]:
    """What goes on well for `last` steps and then does not: tried where that was seen."""
    for cause, index in {
        f"the step stops at {last}": lambda t, rows: min(t, last),
        f"the step starts at 1 again after {last}": lambda t, rows: (t - 1) % last + 1,
        f"the step starts at 0 again after {last}": lambda t, rows: t % (last + 1),
        f"the step starts at 0 again after {last}, 0 is taken for 1": lambda t, rows: max(
            t % (last + 1), 1
        ),
        f"the step turns negative after {last}": lambda t, rows: (
            (t + last + 1) % (2 * last + 2) - last - 1
        ),
        f"the step is {last + 1} less after {last}": lambda t, rows: t - (t > last) * (last + 1),
        f"the step is counted twice from {last + 1} on": lambda t, rows: t + max(t - last, 0),
        f"the step is not counted in batch {last + 1}": lambda t, rows: t - (t > last),
        f"every step from {last} on is taken for {last}": lambda t, rows: t if t < last else last,
    }.items():
        yield Mistake(cause, _stepped(index), -1)
    for every, often in ((True, f"every {last} steps"), (False, f"once, after {last} steps")):
        yield Mistake(f"all state and the step are lost {often}", _lost(last, every, "all"), -1)
        yield Mistake(f"all state but the step is lost {often}", _lost(last, every, "state"), -1)
        yield Mistake(f"the step is lost {often}", _lost(last, every, "t"), -1)
    yield Mistake(f"nothing is updated after {last} steps", _ended(last), -1)


def _lost(after: int, every: bool, what: str) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state, start, t = rule.init(table, **given), rule.init(table, **given), 0

        def step(rows: Integers, grads: Floats) -> Floats:
            nonlocal t
            if t == after or (every and t and t % after == 0):
                rule.catch_up(table, state)
                for name, slot in state.items():
                    if what == "all" or (name == "t") == (what == "t"):
                        slot[...] = start[name]
            t += 1
            rule.step(table, state, rows, grads)
            return shown(rule, table, state)

        return step

    return implementation


def _reset(when: Callable[[Integers], bool], what: str) -> Implementation:
    """State that is as at the start after some batches."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state, start = rule.init(table, **given), rule.init(table, **given)

        def step(rows: Integers, grads: Floats) -> Floats:
            rule.step(table, state, rows, grads)
            if when(rows):
                rule.catch_up(table, state)
                for name, slot in state.items():
                    if what == "all" or (name == "t") == (what == "t"):
                        slot[...] = start[name]
            return shown(rule, table, state)

        return step

    return implementation


def _ended(after: int) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state, t = rule.init(table, **given), 0

        def step(rows: Integers, grads: Floats) -> Floats:
            nonlocal t
            t += 1
            if t <= after:
                rule.step(table, state, rows, grads)
            return shown(rule, table, state)

        return step

    return implementation


def _stepped(count: Callable[[int, Integers], int]) -> Implementation:
    """The reference, whose step index is a function of the number of batches."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state, batches = rule.init(table, **given), 0

        def step(rows: Integers, grads: Floats) -> Floats:
            nonlocal batches
            batches += 1 if rows.size or rule.count_empty else 0
            state["t"][...] = count(batches, rows) - 1
            rule.step(table, state, rows, grads)
            return shown(rule, table, state)

        return step

    return implementation


def _counted(by: Callable[[Integers], int]) -> Implementation:
    """The reference, whose step index advances by a function of the batch."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state, index = rule.init(table, **given), 0

        def step(rows: Integers, grads: Floats) -> Floats:
            nonlocal index
            index += by(rows)
            state["t"][...] = max(index, 1) - 1
            rule.step(table, state, rows, grads)
            return shown(rule, table, state)

        return step

    return implementation
