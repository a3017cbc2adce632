"""What the loop is told of a `softmax_regression` problem."""

from __future__ import annotations

from freqopt.backends.cupy._problem import ProblemData
from freqopt.problems.softmax_regression import SoftmaxRegression


def data(problem: SoftmaxRegression) -> ProblemData:
    """The training examples; samples are their numbers."""
    features, classes = problem.training
    rows, width = problem.shapes["weights"]
    return ProblemData(
        fields=(features, classes, len(features), problem.l2),
        options={},
        purposes={"examples": "examples"},
        tables={"weights": rows},
        numbers=1,
        scratch=rows * width,
    )
