r"""MLET-9: equivalences

Source
    derived here (docs/theory/factorised.md, MLET-9).
Problem
    W = W1 W2, (n, k) times (k, d).
Algorithm
    pooling rows of the factorised table, or of the collapsed one.
Assumptions
    sum or mean pooling.
Statement
    Pooling W1 and multiplying by W2 equals pooling W; rank W <= min(n, k, d); n k + k d parameters
    against n d.
Checks
    identities in rationals; the project's collapse; ranks.
Literature
    k < d is a bottleneck, k >= d is not.
"""

import numpy as np
import sympy as sp

from freqopt.tables import FactorisedTable
from freqopt.theory import Claim, Mutant, Theorem
from freqopt.theory.exact.factorised import entries, random_factors


def theorem(pool=lambda rows: rows.sum(axis=0), collapse=FactorisedTable.collapse, spare=0):
    """Parts: the pooling; how the table collapses; what is taken off the rank's bound."""

    def cases(quick):
        return random_factors(20 if quick else 200, seed=9)

    def floats(quick):
        return (i.floats() for i in cases(True))

    def stored(i):
        return sum(a.size for a in FactorisedTable(i.first, i.second).parameters.values())

    def smallest(i):
        return min(*i.first.shape, *i.second.shape) - spare

    def rank(i):
        return sp.Matrix(i.product.tolist()).rank()

    return Theorem(
        claims=(
            Claim(
                "pooling",
                lambda i: entries(pool(i.first).dot(i.second)),
                lambda i: entries(pool(i.product)),
                "equal",
                cases,
            ),
            Claim(
                "collapse",
                lambda i: entries(collapse(FactorisedTable(i.first, i.second))),
                lambda i: entries(np.array(i.first @ i.second)),
                "equal",
                floats,
                tolerance=1e-9,
            ),
            Claim("rank", rank, smallest, "upper", cases),
            Claim(
                "parameters",
                lambda i: sum(
                    a.size for a in FactorisedTable(i.first, i.second).parameters.values()
                ),
                lambda i: i.first.shape[1] * (len(i.first) + i.second.shape[1]),
                "equal",
                floats,
            ),
        )
    )


MUTANTS = {
    "pooling by maximum": Mutant("statement", pool=lambda rows: rows.max(axis=0)),
    "transposed collapse": Mutant("implementation", collapse=lambda table: table.collapse()[::-1]),
    "rank min(n, k, d) - 1": Mutant("statement", spare=1),
}
