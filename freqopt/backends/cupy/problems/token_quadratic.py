"""What the loop is told of a `token_quadratic` problem."""

from __future__ import annotations

from freqopt.backends.cupy._problem import ProblemData, law
from freqopt.problems.token_quadratic import TokenQuadratic


def data(problem: TokenQuadratic) -> ProblemData:
    """Law, optimum, noises, curvatures; samples z."""
    return ProblemData(
        fields=(law(problem.tokens.law), problem.optimum, problem.noises, problem.curvatures),
        options={"TWO_POINT": problem.noise_law == "two_point"},
        purposes={"tokens": "tokens", "noise": "noise"},
        tables={"tokens": 1},
        numbers=problem.dimension,
    )
