"""How far each row moved and how hard it was pushed: what a measured learning rate is made of."""

from __future__ import annotations

import numpy as np

from freqopt.streams.fold import fold
from freqopt.typing import Floats, Integers


class Movement:
    """Sums over the visits of each row of one table; a visit is a step whose batch holds the row.

    Parameters
    ----------
    size : int
        N, rows of the table.

    Attributes
    ----------
    moved : float64 (N,)
        Sum of ||change of the row||.
    pushed : float64 (N,)
        Sum of ||gradient of the row||, occurrences in the batch summed.
    visits : int64 (N,)
        Number of visits.
    """

    def __init__(self, size: int) -> None:
        self.moved = np.zeros(size)
        self.pushed = np.zeros(size)
        self.visits = np.zeros(size, np.int64)

    def clear(self) -> None:
        """Start new sums."""
        for total in (self.moved, self.pushed, self.visits):
            total[...] = 0

    def add(self, rows: Integers, grads: Floats, before: Floats, after: Floats) -> None:
        """Add one step.

        Parameters
        ----------
        rows : int64 (B,), duplicates allowed
        grads : (B, d)
        before, after : (B, d)
            The rows `rows` of the table before and after the step.
        """
        distinct, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
        total = np.zeros((distinct.size, grads.shape[1]))
        np.add.at(total, inverse, grads)  # in occurrence order
        change = after[first].astype(np.float64) - before[first]
        self.moved[distinct] += np.sqrt(fold(change * change))
        self.pushed[distinct] += np.sqrt(fold(total * total))
        self.visits[distinct] += 1
