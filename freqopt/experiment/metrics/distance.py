"""Distance to the minimiser, where the problem knows one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from freqopt.errors import StudyError
from freqopt.experiment.metrics._metric import Checkpoint, Metric, Reading, norm, row_squares
from freqopt.problems import Constants


class Distance(Metric):
    """||Theta - Theta*||, by table and by token group."""

    diverged = math.inf

    def check(self, constants: Constants) -> None:
        """Theta* must be known."""
        if constants.optimum is None:
            raise StudyError(
                "metric distance needs a known minimiser, which this problem does not have "
                f"({constants.notes.get('optimum', 'no reason given')}); record 'objective' instead"
            )

    def measure(self, at: Checkpoint) -> Iterator[Reading]:
        """Readings `distance`."""
        optimum = at.constants.optimum
        assert optimum is not None
        squares = {name: row_squares(at.tables[name] - best) for name, best in optimum.items()}
        yield Reading("distance", norm(np.concatenate(list(squares.values()))))
        for table, of_rows in squares.items():
            yield Reading("distance", norm(of_rows), table)
            for group, rows in at.groups[table].items():
                yield Reading("distance", norm(of_rows[rows]), table, group)
