"""Every combination of a rule's options at once, against tables that were seen.

The rule's own code runs on boxes of options (`boxes`), step by step. A box whose table is not the
one that was seen is dropped at that step with all its combinations; boxes that have reached the
same bits are joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.boxes import Box, common, hull, joined, paths
from freqopt.crosscheck.compare import units
from freqopt.crosscheck.exercises import Exercise
from freqopt.crosscheck.implementation import shown
from freqopt.optimizers import Rule, State
from freqopt.optimizers._batch import Batch, clip_rows, intake
from freqopt.optimizers._rule import Rows

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Seen:
    """What some implementation did in one exercise.

    Attributes
    ----------
    exercise : Exercise
    tables : (S + 1, N, d)
        From `trace`, or from a file.
    tolerance : float
        Largest distance that counts as the same, in units in the last place.
    """

    exercise: Exercise
    tables: Floats
    tolerance: float
    unit: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "unit", units(self.tables))

    def ulps(self, table: Floats, t: int, row: int | slice = slice(None)) -> float:
        """Largest distance of a table from the one seen after step t; as `compare.distance`."""
        other, unit = self.tables[t, row], self.unit[t, row]
        apart = np.abs(table - other) / unit
        apart[(table == other) | (np.isnan(table) & np.isnan(other))] = 0
        return float(np.where(np.isnan(apart), np.inf, apart).max())


@dataclass(frozen=True)
class Live:
    """Combinations that have made the same tables so far, to the bit, as has their state."""

    box: Box
    table: Floats
    state: State
    ulps: float


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
            taken = _taken(kind, live, *batch)
            if t == 1:
                live = _first_row(kind, live, taken, seen)
            ways = _ways(kind, live, taken)
            after = [new for way in ways for new in _stepped(kind, way, seen, t)]
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


Taken = list[tuple[Box, list[Batch]]]
"""What the options make of one batch before the rule's equations: box -> combined batches."""


def _taken(kind: type[Rule], live: list[Live], rows: Integers, grads: Floats) -> Taken:
    if not live:
        return []
    run = partial(_intake, table=live[0].table, rows=rows, grads=grads)
    return _alike(paths(kind, hull(one.box for one in live), run))


def _intake(rule: Rule, table: Floats, rows: Integers, grads: Floats) -> list[Batch]:
    return intake(rule, table, rows, grads)


def _alike(taken: Iterable[tuple[Box, list[Batch]]]) -> Taken:
    """Join the boxes with the same batches."""
    groups: dict[Any, tuple[list[Box], list[Batch]]] = {}
    for box, batches in taken:
        key = tuple(_bits(vars(batch)) for batch in batches)
        groups.setdefault(key, ([], batches))[0].append(box)
    return [(box, batches) for some, batches in groups.values() for box in joined(some)]


@dataclass(frozen=True)
class Way:
    """Combinations of one `Live` that reach the rule's equations in the same way."""

    one: Live
    box: Box
    batches: list[Batch]


def _ways(kind: type[Rule], live: list[Live], taken: Taken, after: bool = True) -> Iterator[Way]:
    """Join the combinations for which all is the same until the first rows are updated.

    The fixed-memory rules read many options there, and few of them matter at any one step. What
    happens until there is shared by all boxes whose state is the same as far as it is read there.
    """
    for start, batches in taken:
        left = [one for one in live if common(one.box, start)]
        while left:
            wide = common(hull(one.box for one in left), start)
            assert wide is not None  # it holds what `left` has in common with `start`
            groups, used = _until_update(kind, left[0], wide, batches, after)
            alike = [one for one in left if _part(one, used) == _part(left[0], used)]
            left = [one for one in left if not any(one is other for other in alike)]
            for one in alike:
                for box in groups:
                    both = common(one.box, box)
                    if both is not None:
                        yield Way(one, both, batches)


def _until_update(
    kind: type[Rule], one: Live, wide: Box, batches: list[Batch], after: bool
) -> tuple[list[Box], set[str]]:
    """Boxes within which a step is the same until the first update, and the slots it uses."""
    groups: dict[Any, list[Box]] = {}
    used: set[str] = set()

    def run(rule: Rule) -> Any:
        table, state = one.table.copy(), _Watched({k: v.copy() for k, v in one.state.items()})
        rule.__dict__["_apply"] = _reach
        batch: tuple[Any, ...] = ()
        try:
            rule.advance(table, state, batches)
        except _Reached as at:
            batch = _bits(vars(at.arguments[2]))
        used.update(state.used)
        return table.tobytes(), batch, _bits(state) if after else ()

    for box, key in paths(kind, wide, run):
        groups.setdefault(key, []).append(box)
    return [box for some in groups.values() for box in joined(some)], used


class _Watched(dict[str, NDArray[Any]]):
    """A state that remembers which slots were used."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> NDArray[Any]:
        self.used.add(name)
        return super().__getitem__(name)


def _part(one: Live, names: set[str]) -> Any:
    return one.table.tobytes(), _bits({k: v for k, v in one.state.items() if k in names})


def _stepped(kind: type[Rule], way: Way, seen: Seen, t: int) -> Iterator[Live]:
    """One step of a box, with every split."""

    def step(rule: Rule) -> tuple[Floats, State, Floats]:
        table, state = _started(rule, way)
        rule.advance(table, state, way.batches)
        rule.__dict__["splits"] = True
        return table, state, shown(rule, table, state)

    for box, (table, state, visible) in paths(kind, way.box, step):
        yield Live(box, table, state, max(way.one.ulps, seen.ulps(visible, t)))


def _started(rule: Rule, way: Way) -> tuple[Floats, State]:
    """Copies of a table and a state; what is read until `_apply` does not tell the box apart."""
    rule.__dict__["splits"] = False
    return way.one.table.copy(), {k: v.copy() for k, v in way.one.state.items()}


def _same(live: list[Live]) -> list[Live]:
    """Join the boxes that nothing but their past tells apart."""
    groups: dict[Any, list[Live]] = {}
    for one in live:
        groups.setdefault((one.table.tobytes(), _bits(one.state)), []).append(one)
    return [
        replace(group[0], box=box, ulps=max(one.ulps for one in group))
        for group in groups.values()
        for box in joined(one.box for one in group)
    ]


# -- the first step, one row of it -------------------------------------------------------------


class _Reached(Exception):  # noqa: N818 - a way out, not an error
    """Some method is called, with these arguments."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments


def _reach(*arguments: Any) -> Any:
    raise _Reached(*arguments)


def _first_row(kind: type[Rule], live: list[Live], taken: Taken, seen: Seen) -> list[Live]:
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
    alone = _alike(
        (box, [one.take(one.rows == row) for one in some if row in one.rows]) for box, some in taken
    )
    kept: list[Box] = []
    groups: dict[Any, tuple[list[Box], Reached]] = {}
    for way in _ways(kind, live, alone, after=False):
        if len(way.batches) > 1:  # the first update of the row is not its last
            kept.append(way.box)
            continue
        for box, reached in paths(kind, way.box, partial(_at_update, way=way)):
            if reached is None:
                kept.append(box)
            else:
                groups.setdefault(tuple(map(_bits, reached)), ([], reached))[0].append(box)
    for boxes, reached in groups.values():
        for start in joined(boxes):
            for box, new in paths(kind, start, partial(_updated, reached=reached, row=row)):
                if seen.ulps(new, 1, row) <= seen.tolerance:
                    kept.append(box)
    kept = joined(kept)
    both = ((one, common(one.box, box)) for one in live for box in kept)
    return [replace(one, box=box) for one, box in both if box is not None]


Reached = tuple[dict[str, Any], dict[str, Any]]
"""The arguments (w, g) and s of a call of `update`."""


def _at_update(rule: Rule, way: Way) -> Reached | None:
    """The first call of `update`, without what is kept for the table as a whole."""
    table, state = _started(rule, way)
    rule.__dict__["update"] = _reach
    try:
        rule.advance(table, state, way.batches)
    except _Reached as at:
        w, g, s = at.arguments
        if s.squares is not None and (s.squares == g * g).all():
            s.squares = None  # `squared` gives the same
        whole = {slot.name for slot in rule.all_slots() if slot.per == "table" or slot.copies}
        return {"w": w, "g": g}, {k: v for k, v in vars(s).items() if k not in whole - {"t"}}
    return None


def _updated(rule: Rule, reached: Reached, row: int) -> Floats:
    """The row after its update."""
    arguments, kept = reached
    s = Rows(**{k: v.copy() if isinstance(v, np.ndarray) else v for k, v in kept.items()})
    new = rule.update(arguments["w"].copy(), arguments["g"].copy(), s)
    new = new if rule.max_norm is None else clip_rows(new, rule.max_norm)
    return new[np.flatnonzero(s.ids == row)[0]]


def _bits(values: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(
        (name, v.shape, v.tobytes()) if isinstance(v, np.ndarray) else (name, v)
        for name, v in values.items()
    )
