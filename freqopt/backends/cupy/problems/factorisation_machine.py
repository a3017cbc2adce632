"""What the loop is told of a `factorisation_machine` problem."""

from __future__ import annotations

from freqopt.backends.cupy._problem import LOSSES, ProblemData
from freqopt.problems.factorisation_machine import FactorisationMachine


def data(problem: FactorisationMachine) -> ProblemData:
    """The training rows; samples y."""
    features, y = problem.training
    width, fields = problem.dimension, features.shape[1]
    return ProblemData(
        fields=(features, y, y.size, problem.l2),
        options={"FIELDS": fields, "LOSS": LOSSES.index("logistic")},
        purposes={"rows": "rows"},
        tables={"features": fields, "bias": 1},
        numbers=1,
        scratch=(2 * width + 1) * fields + width,
    )
