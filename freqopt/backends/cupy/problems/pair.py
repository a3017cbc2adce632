"""What the loop is told of a `pair` problem."""

from __future__ import annotations

import math

import numpy as np

from freqopt.backends.cupy._problem import ProblemData, law
from freqopt.errors import BackendError
from freqopt.problems._pairs import Observed, Product
from freqopt.problems.pair import Pair

LOSSES = ("squared", "logistic", "cosine")


def data(problem: Pair) -> ProblemData:
    """Laws, observed pairs, planted tables; samples y."""
    pairs, none = problem.pairs, np.zeros(0, np.int64)
    if isinstance(pairs, Product):
        laws, of_i, of_j = (law(pairs.u.law), law(pairs.v.law)), none, none
    elif isinstance(pairs, Observed):
        of_i, of_j, _ = pairs._counted
        laws = (law(pairs._law), law(pairs._law))
    else:
        raise BackendError(f"pairs of kind {pairs.kind!r} have no CUDA form")
    root = math.sqrt(problem.dimension)
    best = problem.optimum
    return ProblemData(
        fields=(*laws, of_i, of_j, best["u"], best["v"], problem.noise, root, 1 / root),
        options={
            "IS_DOT": problem.score == "dot",
            "OBSERVED": isinstance(pairs, Observed),
            "LOSS": LOSSES.index(problem.loss),
        },
        purposes={"pairs": "pairs", "u": "pairs u", "v": "pairs v", "labels": "labels"},
        tables=("u", "v"),
        numbers=1,
    )
