"""What the loop is told of a `ratings` problem."""

from __future__ import annotations

from freqopt.backends.cupy._problem import LOSSES, ProblemData
from freqopt.problems.ratings import Ratings


def data(problem: Ratings) -> ProblemData:
    """The training ratings; samples y."""
    part = problem.training
    return ProblemData(
        fields=(part.users, part.items, part.y, part.y.size, problem.centre, problem.l2),
        options={"LOSS": LOSSES.index(problem.loss)},
        purposes={"ratings": "ratings"},
        tables={"users": 1, "items": 1},
        numbers=1,
    )
