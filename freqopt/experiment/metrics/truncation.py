"""The problem's figures of merit after training, with its tables cut to a lower rank.

The embeddings of every table are replaced by their best approximation of rank r = 1, 2, 4, ...
below their width: what inference with r columns and a small matrix would reach without training
anew (Deng et al., arXiv 2309.15881, Table 5). Columns of biases stay.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from freqopt.experiment.metrics._metric import Checkpoint, Metric, Reading


class Truncation(Metric):
    """`Problem.metrics` of tables of lower rank."""

    diverged = math.nan

    def measure(self, at: Checkpoint) -> Iterator[Reading]:
        """The figures under their names, in the group `rank R`."""
        tables, parts = {}, {}
        for name, (size, width) in at.problem.shapes.items():
            table = np.asarray(at.tables[name][np.arange(size)], np.float64)
            biases = at.problem.biases.get(name, 0)
            tables[name] = table
            if width > biases:
                factors = np.linalg.svd(table[:, biases:], full_matrices=False)
                parts[name] = table[:, :biases], *factors
        most = max((len(values) for _, _, values, _ in parts.values()), default=0)
        rank = 1
        while rank < most:
            cut = {
                name: np.hstack([biases, (left[:, :rank] * values[:rank]) @ right[:rank]])
                for name, (biases, left, values, right) in parts.items()
            }
            for name, value in at.problem.metrics(tables | cut).items():
                yield Reading(name, value, group=f"rank {rank}")
            rank *= 2
