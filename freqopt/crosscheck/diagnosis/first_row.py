"""The first step of one row: where most combinations of options end."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from freqopt.crosscheck.diagnosis.observed import Seen
from freqopt.crosscheck.diagnosis.option_sets import Box, common, joined, paths
from freqopt.crosscheck.diagnosis.step_paths import (
    Live,
    Reached,
    Taken,
    Way,
    alike,
    bits,
    reach,
    started,
    ways,
)
from freqopt.optimizers import Rule
from freqopt.optimizers._batch import clip_rows
from freqopt.optimizers._rows import Rows
from freqopt.typing import Floats


def first_row(kind: type[Rule], live: list[Live], taken: Taken, seen: Seen) -> list[Live]:
    """What of the boxes moves one row as was seen in the first step.

    Most combinations end here. The row is one that comes once if there is such a row, for then it
    does not matter how occurrences combine, and `update` runs far less often. In the first step
    no rule remembers other rows, so this row is stepped alone.
    """
    rows, grads = seen.exercise.batches[0]
    counts = [(int((rows == row).sum()), row) for row in set(rows[grads.any(axis=1)].tolist())]
    if not counts:
        return live
    row = min(counts)[1]
    alone = alike(
        (box, [one.take(one.rows == row) for one in some if row in one.rows]) for box, some in taken
    )
    kept: list[Box] = []
    groups: dict[Any, tuple[list[Box], Call]] = {}
    for way in ways(kind, live, alone, after=False):
        if len(way.batches) > 1:  # the first update of the row is not its last
            kept.append(way.box)
            continue
        for box, reached in paths(kind, way.box, partial(_at_update, way=way)):
            if reached is None:
                kept.append(box)
            else:
                groups.setdefault(tuple(map(bits, reached)), ([], reached))[0].append(box)
    for boxes, reached in groups.values():
        for start in joined(boxes):
            for box, new in paths(kind, start, partial(_updated, reached=reached, row=row)):
                if seen.ulps(new, 1, row) <= seen.tolerance:
                    kept.append(box)
    kept = joined(kept)
    both = ((one, common(one.box, box)) for one in live for box in kept)
    return [replace(one, box=box) for one, box in both if box is not None]


Call = tuple[dict[str, Any], dict[str, Any]]
"""The arguments (w, g) and s of a call of `update`."""


def _at_update(rule: Rule, way: Way) -> Call | None:
    """The first call of `update`, without what is kept for the table as a whole."""
    table, state = started(rule, way)
    rule.__dict__["update"] = reach
    try:
        rule.advance(table, state, way.batches)
    except Reached as at:
        w, g, s = at.arguments
        if s.squares is not None and (s.squares == g * g).all():
            s.squares = None  # `squared` gives the same
        whole = {slot.name for slot in rule.all_slots() if slot.per == "table" or slot.copies}
        return {"w": w, "g": g}, {k: v for k, v in vars(s).items() if k not in whole - {"t"}}
    return None


def _updated(rule: Rule, reached: Call, row: int) -> Floats:
    """The row after its update."""
    arguments, kept = reached
    s = Rows(**{k: v.copy() if isinstance(v, np.ndarray) else v for k, v in kept.items()})
    new = rule.update(arguments["w"].copy(), arguments["g"].copy(), s)
    new = new if rule.max_norm is None else clip_rows(new, rule.max_norm)
    return new[np.flatnonzero(s.ids == row)[0]]
