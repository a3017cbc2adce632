"""A mistake that is made in single entries: sparse code that looks at numbers, not at rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.optimizers import Rule, State
from freqopt.optimizers._batch import Batch
from freqopt.typing import Floats

Some = Callable[[Floats], NDArray[np.bool_]]
"""(combined gradients (U, d)) -> which entries."""

ENTRIES: dict[str, Some] = {
    "where the gradient is 0": lambda g: g == 0,
    "where the gradient is not 0": lambda g: g != 0,
    "in rows of the batch where the gradient is 0": lambda g: (g == 0) & _any(g != 0),
    "in rows in which some gradient is 0": lambda g: np.broadcast_to(_any(g == 0), g.shape),
    "where the gradient is negative": lambda g: g < 0,
}
"""Entries in which a mistake is made."""


def _any(some: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(some.any(axis=1, keepdims=True))


def in_entries(rule: Rule) -> Iterator[Mistake]:
    """Entries that are left as they were: the weights, the state, or both."""
    slots = [slot.name for slot in rule.all_slots()]
    counts = [s.name for s in rule.all_slots() if (s.per, s.dtype) == ("row", "int64")]
    for name in ("t", *(name for name in counts if not name.endswith("_at"))):
        said = f"{'the step' if name == 't' else name} is counted for each entry"
        for since, more in ((1, ""), (0, ", from 0")):
            cause = f"{said}, and not where the gradient is 0{more}"
            yield Mistake(cause, _counted_apart(name, since), 1)
    for said, some in ENTRIES.items():
        yield Mistake(f"nothing is updated {said}", _changed(some, _nothing, slots, table=True))
        yield Mistake(f"the weights stay {said}", _changed(some, _nothing, [], table=True))
        if len(slots) > 1:
            yield Mistake(f"no state changes {said}", _changed(some, _nothing, slots, table=False))
        for name in slots if len(slots) > 2 else ():
            only = _changed(some, _nothing, [name], table=False)
            yield Mistake(f"{name} does not change {said}", only)


def _counted_apart(name: str, least: int) -> Implementation:
    """A count of each entry in the place of one of the row or of the table."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        seen = np.zeros(table.shape, np.int64)

        def update(self: Rule, w: Floats, g: Floats, s: Any) -> Floats:
            seen[s.ids] += g != 0
            here = np.maximum(seen[s.ids], least)
            if name == "t":
                s.t = here
                return type(self).update(self, w, g, s)
            own = getattr(s, name)
            setattr(s, name, here - s.first_round)
            new = type(self).update(self, w, g, s)
            setattr(s, name, own)
            return new

        return reference(rule.with_methods(update=update), table, given)

    return implementation


def _nothing(_rule: Rule) -> None:
    return None


def elsewhere(some: list[Mistake], rule: Rule) -> Iterator[Mistake]:
    """Mistakes of equations, or other options, in some entries only."""
    slots = [slot.name for slot in rule.all_slots()]
    for said, which in ENTRIES.items():
        for one in some:
            if one.changed is not None:
                made = _changed(which, one.changed, slots, table=True)
                yield Mistake(f"{one.cause}, {said}", made, one.rank + 1)


def _changed(
    some: Some, changed: Callable[[Rule], Rule | None], slots: list[str], *, table: bool
) -> Implementation:
    """The reference, which goes on in some entries as the changed rule, or stays as it was."""

    def implementation(rule: Rule, weights: Floats, given: Given) -> Step:
        other = changed(rule)

        def apply(self: Rule, weights: Floats, state: State, batch: Batch, first: bool) -> None:
            mask = np.zeros(weights.shape, bool)
            mask[batch.rows] = some(batch.grads)
            new, kept = weights.copy(), {name: slot.copy() for name, slot in state.items()}
            if other is not None:
                other._apply(new, kept, batch, first)
            type(self)._apply(rule, weights, state, batch, first)
            if table:
                weights[mask] = new[mask]
            for name in slots:
                _put(state[name], kept[name], mask)

        return reference(rule.with_methods(_apply=apply), weights, given)

    return implementation


def _put(slot: NDArray[Any], kept: NDArray[Any], mask: NDArray[np.bool_]) -> None:
    if slot.shape == mask.shape:
        slot[mask] = kept[mask]
