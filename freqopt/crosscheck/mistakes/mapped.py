"""State that several rows share because their numbers are mapped to fewer places."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference
from freqopt.optimizers import Rule, State
from freqopt.optimizers._batch import Batch
from freqopt.typing import Floats


def mapped(
    names: list[str], place: Callable[[int, int], int], *, add: bool = False
) -> Implementation:
    """Slots are read and written at another row: `place(row, number of rows)`.

    Of rows of one batch that share a place each goes on from what stood there. `add`: what each
    of them adds is added to the place before any of them uses it; else the last one stays.
    """

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        size = len(table)
        there = np.array([place(row, size) for row in range(size)])
        kept: State = {}

        def apply(self: Rule, table: Floats, state: State, batch: Batch, first: bool) -> None:
            rows, at = batch.rows, there[batch.rows]
            some = [name for name in names if state[name].ndim]
            for name in some:
                kept.setdefault(name, state[name].copy())
                state[name][rows] = kept[name][at]
            if add:
                after = {name: slot.copy() for name, slot in state.items()}
                type(self)._apply(self, table.copy(), after, batch, first)
                for name in some:
                    added = after[name][rows] - state[name][rows]
                    total = np.zeros_like(kept[name])
                    np.add.at(total, at, added)
                    state[name][rows] += (total[at] - added).astype(state[name].dtype)
            type(self)._apply(self, table, state, batch, first)
            for name in some:
                kept[name][at] = state[name][rows]

        return reference(rule.with_methods(_apply=apply), table, given)

    return implementation
