"""Every combination of a rule's options at once, against tables that were seen.

The rule's own code runs on boxes of options (`option_sets`), step by step. A box whose table is not
the one that was seen is dropped at that step with all its combinations; boxes that have reached the
same bits are joined.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from freqopt.crosscheck.cases.exercises import Exercise
from freqopt.crosscheck.diagnosis.first_row import first_row
from freqopt.crosscheck.diagnosis.observed import Seen
from freqopt.crosscheck.diagnosis.option_sets import Box, joined, paths
from freqopt.crosscheck.diagnosis.step_paths import Live, Way, bits, combined, started, ways
from freqopt.crosscheck.implementation import shown
from freqopt.optimizers import Rule, State
from freqopt.typing import Floats


@dataclass(frozen=True)
class Found:
    """What is left of some boxes after an exercise.

    Attributes
    ----------
    alive : list of (Box, float)
        With the largest distance on the way, in units in the last place.
    parted : int
        The last step at which boxes were dropped, 0 if none were.
    last : list of Box
        The boxes that were dropped there.
    """

    alive: list[tuple[Box, float]]
    parted: int
    last: list[Box]


def follow(kind: type[Rule], boxes: list[Box], seen: Seen) -> Found:
    """Put boxes through an exercise and keep those that do what was seen."""
    table = seen.exercise.table
    parted, last = 0, boxes
    with np.errstate(all="ignore"):
        live = [
            Live(box, table, state, seen.ulps(table, 0))
            for start in boxes
            for box, state in paths(kind, start, lambda rule: _init(rule, seen.exercise))
        ]
        for t, batch in enumerate(seen.exercise.batches, start=1):
            taken = combined(kind, live, *batch)
            if t == 1:
                live = first_row(kind, live, taken, seen)
            after = [new for way in ways(kind, live, taken) for new in _stepped(kind, way, seen, t)]
            live = _same([one for one in after if one.ulps <= seen.tolerance])
            dropped = [one.box for one in after if one.ulps > seen.tolerance]
            if dropped or not live:
                parted, last = t, dropped or last
            if not live:
                break
    return Found([(one.box, one.ulps) for one in live], parted, joined(last))


def _init(rule: Rule, exercise: Exercise) -> State:
    shape = (exercise.table.shape[0], exercise.table.shape[1])
    wanted = {slot.name: slot.shape(shape) for slot in rule.all_slots() if slot.given}
    return rule.init(exercise.table, **exercise.given(wanted))


def _stepped(kind: type[Rule], way: Way, seen: Seen, t: int) -> Iterator[Live]:
    """One step of a box, with every split."""

    def step(rule: Rule) -> tuple[Floats, State, Floats]:
        table, state = started(rule, way)
        rule.advance(table, state, way.batches)
        rule.__dict__["splits"] = True
        return table, state, shown(rule, table, state)

    for box, (table, state, visible) in paths(kind, way.box, step):
        yield Live(box, table, state, max(way.one.ulps, seen.ulps(visible, t)))


def _same(live: list[Live]) -> list[Live]:
    """Join the boxes that nothing but their past tells apart."""
    groups: dict[Any, list[Live]] = {}
    for one in live:
        groups.setdefault((one.table.tobytes(), bits(one.state)), []).append(one)
    return [
        replace(group[0], box=box, ulps=max(one.ulps for one in group))
        for group in groups.values()
        for box in joined(one.box for one in group)
    ]
