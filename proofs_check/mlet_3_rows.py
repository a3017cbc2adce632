r"""MLET-3: which rows of W move

Source
    derived here (docs/theory/factorised.md, MLET-3).
Problem
    W = W1 W2; B the rows of the batch, the rows where G is not zero.
Algorithm
    SGD on both layers from the old values; sparse on W1.
Assumptions
    plain SGD for (b), (c), (h); (f) any optimizer that leaves w1_j untouched.
Statement
    (a) only the rows of W1 in B change; (b) j outside B: W'_j - W_j = -e2 sum_{i in B} <w1_j, w1_i>
    G_i; (c) one row with gradient g: every other move is collinear with g; (d) the change outside B
    has rank at most min(|B|, k, d); (f) w1_j untouched: W'_j - W_j = w1_j (W2' - W2); (h) j in B
    moves by -e2 w1_j g2 - e1 G_j W2'W2 + e1 e2 G_j W'G.
Beware
    A category that is never seen gets w1_j(0) W2(T): a random code times the learned W2, and no
    information about the category.
Checks
    identities in rationals; the project's table with SGD and, for (f), with AdaGrad.
Literature
    Cross-category updates, without any assumption of balance.
"""

import numpy as np
import sympy as sp

from freqopt.optimizers.adagrad import AdaGrad
from freqopt.theory import Claim, Mutant, Theorem
from freqopt.theory.exact.factorised import entries, jacobi, random_factors, with_rule


def after(i, step):
    W1, W2 = step(i.first, i.second, i.gradient, i.rate1, i.rate2)
    return W1, W2, W1.dot(W2) - i.product


def outside(i):
    return [j for j in range(len(i.first)) if j not in i.batch]


def theorem(step=jacobi, sign=-1, own=1, rule=AdaGrad):
    """Parts: the step; the sign of (b); the factor of the e1 e2 term of (h); the rule of (f)."""
    real = with_rule(lambda rate: rule(lr=rate))

    def kernel(i):
        rows = outside(i)
        return entries(sign * i.rate2 * (i.first.dot(i.first.T).dot(i.gradient))[rows])

    def batch_rows(i):
        rows, G, W = i.batch, i.gradient, i.product
        first = i.rate2 * i.first[rows].dot(i.first.T.dot(G))
        first = first + i.rate1 * G[rows].dot(i.second.T.dot(i.second))
        return entries(own * i.rate1 * i.rate2 * G[rows].dot(W.T.dot(G)) - first)

    def rank(i):
        change = after(i, step)[2][outside(i)]
        return sp.Matrix(change.tolist()).rank() if change.size else 0

    def by_rule(i):
        return entries(after(i, real)[2][outside(i)])

    def from_second(i):
        moved = after(i, real)[1] - i.second
        return entries(i.first[outside(i)].dot(moved))

    def outside_move(i):
        return entries(after(i, step)[2][outside(i)])

    def inside_move(i):
        return entries(after(i, step)[2][i.batch])

    def cases(quick):
        return (i for i in random_factors(20 if quick else 200) if outside(i))

    def floats(quick):
        return (i.floats() for i in cases(True))

    return Theorem(
        claims=(
            Claim(
                "(a) rows of W1",
                lambda i: entries(after(i, step)[0][outside(i)]),
                lambda i: entries(i.first[outside(i)]),
                "equal",
                cases,
            ),
            Claim(
                "(b) outside B",
                outside_move,
                kernel,
                "equal",
                cases,
            ),
            Claim(
                "(d) rank outside B",
                rank,
                lambda i: min(len(i.batch), *i.second.shape),
                "upper",
                cases,
            ),
            # AdaGrad's roots are float64: entries of 1 to 10^2, differences of products.
            Claim("(f) any rule", by_rule, from_second, "equal", floats, tolerance=1e-9),
            Claim(
                "(h) inside B",
                inside_move,
                batch_rows,
                "equal",
                cases,
            ),
        )
    )


def dense_first(W1, W2, G, e1, e2):
    """Stale moments move every row of W1."""
    new1, new2 = jacobi(W1, W2, G, e1, e2)
    return new1 + e1 * np.ones_like(W1), new2


def gauss_seidel(W1, W2, G, e1, e2):
    new = W1 - e1 * G.dot(W2.T)
    return new, W2 - e2 * new.T.dot(G)


MUTANTS = {
    "every row of W1 moves": Mutant("implementation", step=dense_first),
    "Gauss-Seidel": Mutant("implementation", step=gauss_seidel),
    "the sign of (b)": Mutant("statement", sign=1),
    "(h) without its last term": Mutant("statement", own=0),
}
