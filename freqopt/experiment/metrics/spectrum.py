"""Singular values of the embedding tables, and how many of them count.

With the singular values s of a table and q = s / sum s, its effective rank is e^H(q), H the entropy
with natural logarithms: between 1 and the table's width (Roy & Vetterli, *The effective rank: a
measure of effective dimensionality*, EUSIPCO 2007). From LAPACK, so that the last digits may differ
from one machine to another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from freqopt.experiment.metrics._metric import Checkpoint, Metric, Reading
from freqopt.typing import Doubles


class Spectrum(Metric):
    """Singular values and effective rank of every table's embeddings; columns of biases apart."""

    diverged = math.nan

    def measure(self, at: Checkpoint) -> Iterator[Reading]:
        """Readings `singular_value`, the i-th largest as token i, and `effective_rank`."""
        for table, (size, width) in at.problem.shapes.items():
            biases = at.problem.biases.get(table, 0)
            if width > biases:
                rows = np.asarray(at.tables[table][np.arange(size)], np.float64)[:, biases:]
                values: Doubles = np.asarray(np.linalg.svd(rows, compute_uv=False), np.float64)
                yield Reading("singular_value", values, table, token=np.arange(values.size))
                yield Reading("effective_rank", effective_rank(values), table)


def effective_rank(values: Doubles) -> float:
    """e^H of singular values over their sum; 0 if all are 0."""
    shares = values[values > 0] / values.sum() if values.any() else values[:0]
    return math.exp(-float(np.sum(shares * np.log(shares)))) if shares.size else 0.0
