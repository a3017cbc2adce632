"""A mean over the row that is taken over something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from freqopt.crosscheck.implementation import Given, Step, reference
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.optimizers import Rule
from freqopt.typing import Floats

_MEANS: dict[str, Callable[[Floats, int], Any]] = {
    "over the rows of the table, a number for each column": lambda x, n: (
        x.sum(axis=0, keepdims=True) / n
    ),
    "over the rows of the batch, a number for each column": lambda x, n: (
        x.sum(axis=0, keepdims=True) / max((x != 0).any(axis=1).sum(), 1)
    ),
    "over the whole table": lambda x, n: x.sum() / (n * x.shape[1]),
    "over no rows nor columns: each entry has its own": lambda x, n: x,
}
"""(squares (n, d), rows of the table) -> what stands for the mean over the row."""


def in_row_means() -> Iterator[Mistake]:
    """The second moment of a row, of a rule that may also have one for each entry."""
    for said, mean in _MEANS.items():
        yield Mistake(f"statistic = row_mean: the mean is {said}", partial(_over, mean))


def _over(mean: Callable[[Floats, int], Any], rule: Rule, table: Floats, given: Given) -> Step:
    def update(self: Rule, w: Floats, g: Floats, s: Any) -> Floats:
        squares = s.squared(g)
        s.squares = np.broadcast_to(mean(squares, len(table)), squares.shape).astype(w.dtype)
        return type(self).update(self, w, g, s)

    each = rule.model_copy(update={"statistic": "elementwise"})
    return reference(each.with_methods(update=update), table, given)
