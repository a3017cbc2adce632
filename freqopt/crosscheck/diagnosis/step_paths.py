"""The ways through a step up to the rule's equations, each with all combinations that take it.

Before the first row is updated a batch is combined, and a fixed-memory rule recalls its gradients.
Many options are read there, and few of them matter at any one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.diagnosis.option_sets import Box, common, hull, joined, paths
from freqopt.optimizers import Rule, State
from freqopt.optimizers._batch import Batch, preprocess
from freqopt.typing import Floats, Integers


@dataclass(frozen=True)
class Live:
    """Combinations that have made the same tables so far, to the bit, as has their state."""

    box: Box
    table: Floats
    state: State
    ulps: float


Taken = list[tuple[Box, list[Batch]]]
"""What the options make of one batch before the rule's equations: box -> combined batches."""


def combined(kind: type[Rule], live: list[Live], rows: Integers, grads: Floats) -> Taken:
    """What the options of all live boxes make of one batch."""
    if not live:
        return []
    run = partial(_preprocess, table=live[0].table, rows=rows, grads=grads)
    return alike(paths(kind, hull(one.box for one in live), run))


def _preprocess(rule: Rule, table: Floats, rows: Integers, grads: Floats) -> list[Batch]:
    return preprocess(rule, table, rows, grads)


def alike(taken: Iterable[tuple[Box, list[Batch]]]) -> Taken:
    """Join the boxes with the same batches."""
    groups: dict[Any, tuple[list[Box], list[Batch]]] = {}
    for box, batches in taken:
        key = tuple(bits(vars(batch)) for batch in batches)
        groups.setdefault(key, ([], batches))[0].append(box)
    return [(box, batches) for some, batches in groups.values() for box in joined(some)]


@dataclass(frozen=True)
class Way:
    """Combinations of one `Live` that reach the rule's equations in the same way."""

    one: Live
    box: Box
    batches: list[Batch]


def ways(kind: type[Rule], live: list[Live], taken: Taken, after: bool = True) -> Iterator[Way]:
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
            same = [one for one in left if _part(one, used) == _part(left[0], used)]
            left = [one for one in left if not any(one is other for other in same)]
            for one in same:
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
        rule.__dict__["_apply"] = reach
        batch: tuple[Any, ...] = ()
        try:
            rule.advance(table, state, batches)
        except Reached as at:
            batch = bits(vars(at.arguments[2]))
        used.update(state.used)
        return table.tobytes(), batch, bits(state) if after else ()

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
    return one.table.tobytes(), bits({k: v for k, v in one.state.items() if k in names})


def started(rule: Rule, way: Way) -> tuple[Floats, State]:
    """Copies of a table and a state; what is read until `_apply` does not tell the box apart."""
    rule.__dict__["splits"] = False
    return way.one.table.copy(), {k: v.copy() for k, v in way.one.state.items()}


class Reached(Exception):  # noqa: N818 - a way out, not an error
    """Some method is called, with these arguments."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments


def reach(*arguments: Any) -> Any:
    """Stand in for a method that is not to run."""
    raise Reached(*arguments)


def bits(values: dict[str, Any]) -> tuple[Any, ...]:
    """Something that is equal where all values have the same bits."""
    return tuple(
        (name, v.shape, v.tobytes()) if isinstance(v, np.ndarray) else (name, v)
        for name, v in values.items()
    )
