"""What the loop is told of an `sgns` problem."""

from __future__ import annotations

from freqopt.backends.cupy._problem import ProblemData, alias_law, pairs
from freqopt.problems.sgns import Sgns


def data(problem: Sgns) -> ProblemData:
    """Pairs and the negatives' law; no samples but the rows."""
    laws = pairs(problem.pairs)
    partners = 1 + problem.negatives
    return ProblemData(
        fields=(*laws.fields, alias_law(problem._noise_table)),
        options={**laws.options, "PARTNERS": partners},
        purposes={**laws.purposes, "negatives": "negatives"},
        tables={"centres": 1, "contexts": partners},
        scratch=partners * problem.dimension,
    )
