"""The problem's own figures of merit, for example RMSE or AUC on held-out data."""

from __future__ import annotations

import math
from collections.abc import Iterator

from freqopt.experiment.metrics._metric import Checkpoint, Metric, Reading


class ProblemMetrics(Metric):
    """Everything in `Problem.metrics`, under the names the problem gives."""

    diverged = math.nan

    def measure(self, at: Checkpoint) -> Iterator[Reading]:
        """One reading per figure of merit."""
        for name, value in at.problem.metrics(at.tables).items():
            yield Reading(name, value)
