"""What the loop is told of a `surface` problem."""

from __future__ import annotations

from freqopt.backends.cupy._problem import ProblemData
from freqopt.problems.surface import LANDSCAPES, Surface


def data(problem: Surface) -> ProblemData:
    """Which surface; no numbers and no samples."""
    return ProblemData(
        fields=(),
        options={"SURFACE": list(LANDSCAPES).index(problem.surface)},
        purposes={},
        tables={"x": 1, "y": 1},
    )
