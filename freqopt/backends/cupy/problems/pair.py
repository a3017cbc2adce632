"""What the loop is told of a `pair` problem."""

from __future__ import annotations

import math

from freqopt.backends.cupy._problem import LOSSES, ProblemData, pairs
from freqopt.problems.pair import Pair


def data(problem: Pair) -> ProblemData:
    """Pairs and planted tables; samples y."""
    laws = pairs(problem.pairs)
    root = math.sqrt(problem.dimension)
    best = problem.optimum
    return ProblemData(
        fields=(*laws.fields, best["u"], best["v"], problem.noise, root, 1 / root),
        options={
            **laws.options,
            "IS_DOT": problem.score == "dot",
            "LOSS": LOSSES.index(problem.loss),
        },
        purposes={**laws.purposes, "labels": "labels"},
        tables={"u": 1, "v": 1},
        numbers=1,
    )
