"""Norms of the exact gradient: of everything, of each table, of each group of tokens.

With G_k = grad_k f / p_k the conditional gradient of token k (what it sees when it is drawn, (4.1)
of the theory), the conditional norm of a set of tokens is the root mean square of ||G_k|| over the
tokens with p_k > 0. The plain norm of the tail is small because its p_k are; this one is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from freqopt.experiment.metrics._metric import Checkpoint, Metric, Reading, norm, row_squares
from freqopt.typing import Doubles


class GradientNorm(Metric):
    """Norm of the gradient, plain and conditional, by table and by token group."""

    diverged = math.inf

    def measure(self, at: Checkpoint) -> Iterator[Reading]:
        """Readings `gradient_norm` and `conditional_gradient_norm`."""
        squares = {name: row_squares(grad) for name, grad in at.gradient.items()}
        frequency = at.constants.frequency
        yield from _norms(
            np.concatenate(list(squares.values())),
            np.concatenate([frequency[name] for name in squares]),
        )
        for table, of_rows in squares.items():
            yield from _norms(of_rows, frequency[table], table)
            for group, rows in at.groups[table].items():
                yield from _norms(of_rows[rows], frequency[table][rows], table, group)


def _norms(
    squares: Doubles, frequency: Doubles, table: str = "all", group: str = "all"
) -> Iterator[Reading]:
    yield Reading("gradient_norm", norm(squares), table, group)
    seen = frequency > 0
    if seen.any():
        conditional = squares[seen] / frequency[seen] ** 2  # (4.1)
        mean = norm(conditional) / math.sqrt(conditional.size)
        yield Reading("conditional_gradient_norm", mean, table, group)
