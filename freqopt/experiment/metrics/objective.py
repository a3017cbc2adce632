"""The objective f, exactly: an expectation over all samples, no estimate."""

from __future__ import annotations

import math
from collections.abc import Iterator

from freqopt.experiment.metrics._metric import Checkpoint, Metric, Reading


class Objective(Metric):
    """f(Theta)."""

    diverged = math.inf

    def measure(self, at: Checkpoint) -> Iterator[Reading]:
        """One reading, `objective`."""
        yield Reading("objective", at.objective)
