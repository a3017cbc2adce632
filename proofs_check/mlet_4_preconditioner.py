r"""MLET-4: first-order descent and the preconditioner

Source
    derived here (docs/theory/factorised.md, MLET-4).
Problem
    W = W1 W2, G = dL/dW.
Algorithm
    As MLET-2, to first order.
Assumptions
    none.
Statement
    With column-stacking vec, vec of the first-order move is -(I x e2 W1 W1' + e1 W2'W2 x I) vec G,
    a positive semidefinite preconditioner;
    <G, e2 W1 W1'G + e1 G W2'W2> = e1 |g1|^2 + e2 |g2|^2 >= 0.
Checks
    identities in rationals.
Literature
    Depth as a preconditioner.
"""

import numpy as np

from freqopt.theory import Claim, Mutant, Theorem
from freqopt.theory.exact.factorised import entries, random_factors


def kron(A, B):
    """Kronecker product of object arrays."""
    return np.block([[a * B for a in row] for row in A])


def identity(size):
    return np.array([[int(i == j) for j in range(size)] for i in range(size)], dtype=object)


def theorem(outer=1, swap=False, first=1):
    """Parts: factor of e2 |g2|^2; whether the Kronecker factors are exchanged; factor of e1."""

    def move(i):
        G = i.gradient
        return i.rate2 * i.first.dot(i.first.T).dot(G) + i.rate1 * G.dot(i.second.T.dot(i.second))

    def preconditioned(i):
        n, d = i.gradient.shape
        A, B = i.rate2 * i.first.dot(i.first.T), first * i.rate1 * i.second.T.dot(i.second)
        left, right = kron(identity(d), A), kron(B, identity(n))
        matrix = left.T + right if not swap else kron(A, identity(d)) + kron(identity(n), B)
        return entries(matrix.dot(i.gradient.T.ravel()))

    def norms(i):
        g1, g2 = i.gradient.dot(i.second.T), i.first.T.dot(i.gradient)
        return i.rate1 * (g1**2).sum() + outer * i.rate2 * (g2**2).sum()

    def cases(quick):
        return random_factors(15 if quick else 150, seed=4)

    return Theorem(
        claims=(
            Claim("preconditioner", lambda i: entries(move(i).T), preconditioned, "equal", cases),
            Claim("descent", lambda i: (i.gradient * move(i)).sum(), norms, "equal", cases),
        )
    )


MUTANTS = {
    "|g2|^2 forgotten": Mutant("statement", outer=0),
    "W2'W2 forgotten": Mutant("statement", first=0),
    "row-stacking": Mutant("statement", swap=True),
}
