"""How far the objective is above its infimum."""

from __future__ import annotations

import math
from collections.abc import Iterator

from freqopt.errors import StudyError
from freqopt.experiment.metrics._metric import Checkpoint, Metric, Reading
from freqopt.problems import Constants


class Gap(Metric):
    """f(Theta) - f*."""

    diverged = math.inf

    def check(self, constants: Constants) -> None:
        """f* must be known."""
        if constants.optimum_value is None:
            raise StudyError(
                "metric gap needs the objective's infimum, which this problem does not know "
                f"({constants.notes.get('optimum_value', 'no reason given')}); record 'objective'"
            )

    def measure(self, at: Checkpoint) -> Iterator[Reading]:
        """One reading, `gap`; it can be negative by rounding, about 1e-16 of f."""
        optimum = at.constants.optimum_value
        assert optimum is not None
        yield Reading("gap", at.objective - optimum)
