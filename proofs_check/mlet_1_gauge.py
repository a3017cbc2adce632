r"""MLET-1: gauge identity

Source
    derived here (docs/theory/factorised.md, MLET-1).
Problem
    any loss that depends on W1, W2 through W = W1 W2 only; G its gradient with respect to W.
Algorithm
    g1 = G W2', g2 = W1' G.
Assumptions
    none.
Statement
    W1' g1 = g2 W2': the loss does not change under W1 A, A^-1 W2.
Checks
    identity in rationals; the gradients of the project's factorised table.
Literature
    A one-line check of a gradient implementation.
"""

import numpy as np

from freqopt.tables import FactorisedTable
from freqopt.theory import Claim, Mutant, Theorem
from freqopt.theory.exact.factorised import entries, random_factors


def chain_rule(i):
    return i.gradient.dot(i.second.T), i.first.T.dot(i.gradient)


def of_the_table(i):
    """Dense g1 and g2 from `FactorisedTable.batches`."""
    rows = np.array(i.batch)
    found = FactorisedTable(i.first, i.second).batches(rows, i.gradient[rows])
    g1 = np.zeros_like(i.first)
    g1[found[".first"][0]] = found[".first"][1]
    return g1, found[".second"][1]


def theorem(gradients=chain_rule, table=of_the_table):
    """Parts: how both gradients are computed, in rationals and by the table."""

    def claim(name, source, cases, tolerance=0.0):
        return Claim(
            name,
            lambda i: entries(i.first.T.dot(source(i)[0])),
            lambda i: entries(source(i)[1].dot(i.second.T)),
            "equal",
            cases,
            tolerance=tolerance,
        )

    return Theorem(
        claims=(
            claim("in rationals", gradients, lambda quick: random_factors(20 if quick else 200)),
            claim(
                "the factorised table",
                table,
                # Sums of at most 6 products of numbers below 10: zero may come out as 1e-13.
                lambda quick: (i.floats() for i in non_zero(random_factors(20, seed=1))),
                tolerance=1e-9,
            ),
        )
    )


def non_zero(cases):
    """Instances whose left side has no zero entry, where relative errors mean something."""
    for i in cases:
        left = i.first.T.dot(i.gradient.dot(i.second.T))
        if all(v != 0 for v in left.ravel()):
            yield i


def swapped(i):
    g1, g2 = chain_rule(i)
    return g1, 2 * g2


def updated_first(i):
    g1, _ = chain_rule(i)
    return g1, (i.first - i.rate1 * g1).T.dot(i.gradient)


MUTANTS = {
    "g2 doubled": Mutant("implementation", gradients=swapped),
    "g2 from the updated W1": Mutant("implementation", gradients=updated_first),
    "the table's g1 halved": Mutant(
        "implementation", table=lambda i: (of_the_table(i)[0] / 2, of_the_table(i)[1])
    ),
}
