"""Many copies of a problem, stepped by a real rule in one table.

For a rule whose step of a row uses that row alone (`Rule.row_local`), S copies of a table laid one
below the other are S independent runs, and one `rule.step` moves all of them. So the project's own
rules and problems are enumerated and simulated at array speed, through their public step, without
a second implementation.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import TheoryError
from freqopt.optimizers import Rule, State
from freqopt.problems import Problem
from freqopt.typing import Floats, Integers

Samples = dict[str, NDArray[Any]]
Sparse = dict[str, tuple[Integers, Floats]]


class Ensemble:
    """S independent runs of one rule on one problem.

    Parameters
    ----------
    problem, rule
        The rule complete (horizon and smoothness filled in).
    start : table -> (N, d), or (S, N, d)
        Values before the first step, the same in every copy or one for each.
    copies : int
        S.
    frequency : table -> (N,), optional
        What the rule is told p is; by default the truth.
    """

    def __init__(
        self,
        problem: Problem,
        rule: Rule,
        start: Mapping[str, Floats],
        copies: int,
        frequency: Mapping[str, Floats] | None = None,
    ) -> None:
        if not rule.row_local:
            raise TheoryError(f"{rule.name()} couples rows here; copies would not be independent")
        self.problem, self.rule, self.copies = problem, rule, copies
        known = problem.constants.frequency if frequency is None else frequency
        self.tables: dict[str, Floats] = {}
        self.states: dict[str, State] = {}
        for name, (size, width) in problem.shapes.items():
            values = np.broadcast_to(start[name], (copies, size, width))
            self.tables[name] = values.reshape(copies * size, width).copy()
            given = {
                slot.name: np.tile(known[name], copies) for slot in rule.all_slots() if slot.given
            }
            self.states[name] = rule.init(self.tables[name], **given)

    def values(self, name: str) -> Floats:
        """One table of every copy, (S, N, d), a view."""
        size, width = self.problem.shapes[name]
        return self.tables[name].reshape(self.copies, size, width)

    def gradients(self, samples: Samples, batch: int = 1) -> Sparse:
        """Sparse gradients of all copies; sample b belongs to copy b // batch.

        Rows are those of the stacked tables, gradients those of each copy's mean loss.
        """
        count = self.copies * batch
        views = {
            name: _Stacked(self.tables[name], size, batch)
            for name, (size, _) in self.problem.shapes.items()
        }
        sparse: Sparse = {}
        for name, (rows, grads) in self.problem.gradients(views, samples).items():
            size = self.problem.shapes[name][0]
            # The problem divided by all samples at once; undo that, then divide by the batch.
            sparse[name] = (rows + _offsets(len(rows), count, batch, size), grads * count / batch)
        return sparse

    def step(self, samples: Samples, batch: int = 1) -> None:
        """One step of every copy, all tables from the old values."""
        sparse = self.gradients(samples, batch)
        for name, (rows, grads) in sparse.items():
            self.rule.step(self.tables[name], self.states[name], rows, grads)

    def repeated(self, times: int) -> Self:
        """Each copy `times` times in a row, with its state."""
        grown = type(self).__new__(type(self))
        grown.__dict__.update(self.__dict__)
        grown.copies = self.copies * times
        grown.tables, grown.states = {}, {}
        for name, (size, width) in self.problem.shapes.items():
            table = self.tables[name].reshape(self.copies, size, width)
            grown.tables[name] = np.repeat(table, times, axis=0).reshape(-1, width)
            state = deepcopy(self.states[name])
            for slot in self.rule.all_slots():
                if slot.per != "table":
                    per_copy = state[slot.name].reshape(self.copies, size, -1)
                    shape = (self.copies * times * size, *state[slot.name].shape[1:])
                    state[slot.name] = np.repeat(per_copy, times, axis=0).reshape(shape)
            grown.states[name] = state
        return grown


class _Stacked:
    """A stacked table that a problem indexes as if it were one copy's."""

    def __init__(self, table: Floats, size: int, batch: int) -> None:
        self.table, self.size, self.batch = table, size, batch

    def __getitem__(self, rows: Integers) -> Floats:
        count = len(self.table) // self.size * self.batch
        return self.table[rows + _offsets(len(rows), count, self.batch, self.size)]


def _offsets(entries: int, count: int, batch: int, size: int) -> Integers:
    """First stacked row of the copy that each entry belongs to."""
    per_sample = entries // count  # a sample may hold several entries, in sample order
    sample: Integers = np.arange(entries) // per_sample
    return sample // batch * size
