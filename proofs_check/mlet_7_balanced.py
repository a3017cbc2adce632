r"""MLET-7: the balanced case

Source
    derived here (docs/theory/factorised.md, MLET-7).
Problem
    W = W1 W2 with W1'W1 = W2 W2'; rates equal, time scaled so that e = 1.
Algorithm
    gradient flow, approached by small steps.
Assumptions
    balanced start; simple non-zero singular values for (c).
Statement
    (a) W1 W1' = (W W')^(1/2), W2'W2 = (W'W)^(1/2); (c) d sigma_r/dt = -2 sigma_r u_r'G v_r: large
    singular values grow faster; (d) the dynamics of W does not depend on k >= rank W.
Beware
    With a balanced start any effect of the inner dimension k is a discretisation error.
Checks
    (a) in float64; (c) and (d) with the project's table, (c) at two small steps.
Literature
    "Lower effective rank" follows from (c).
"""

import numpy as np

from freqopt.optimizers.sgd import SGD
from freqopt.tables import FactorisedTable
from freqopt.theory import Case, Claim, Mutant, Theorem

N, D = 10, 4
RNG = np.random.default_rng(23)
START = RNG.standard_normal((N, 3)) @ RNG.standard_normal((3, D)) + 0.3 * RNG.standard_normal(
    (N, D)
)
TARGET = RNG.standard_normal((N, D))


def balanced(k, scale=1.0):
    """W1 = U S^1/2 Q', W2 = Q S^1/2 V' with a random orthonormal Q (k, d)."""
    U, s, Vt = np.linalg.svd(START, full_matrices=False)
    Q, _ = np.linalg.qr(np.random.default_rng(k).standard_normal((k, D)))
    return FactorisedTable(scale * U * np.sqrt(s) @ Q.T, Q * np.sqrt(s) @ Vt / scale)


def moved(table, rate, time):
    """W after SGD steps on 1/2 |W - target|^2."""
    rule, rows = SGD(lr=rate), np.arange(N)
    states = {s: rule.init(a) for s, a in table.parameters.items()}
    for _ in range(round(time / rate)):
        found = table.batches(rows, table.first @ table.second - TARGET)
        for s, array in table.parameters.items():
            rule.step(array, states[s], *found[s])
    return table.first @ table.second


def theorem(power=2, growth=2.0, scale=1.0):
    """Parts: the root in (a); the 2 in (c); balance of the start."""

    def roots(c):
        """W1 W1' and W2'W2 are semidefinite: they are the roots if their squares are right."""
        table = balanced(c.k, scale)
        W = table.first @ table.second
        left, right = table.first @ table.first.T, table.second.T @ table.second
        squares = (np.linalg.matrix_power(side, power) for side in (left, right))
        errors = (np.abs(a - b).max() for a, b in zip(squares, (W @ W.T, W.T @ W), strict=True))
        return float(max(errors))

    def velocity(c):
        """Largest relative error of (sigma' - sigma)/e against (c)."""
        table = balanced(c.k, scale)
        W = table.first @ table.second
        U, s, Vt = np.linalg.svd(W, full_matrices=False)
        after = np.linalg.svd(moved(table, c.rate, c.rate), compute_uv=False)
        expected = -growth * s * np.einsum("ir,ij,rj->r", U, W - TARGET, Vt)
        return float(np.abs((after - s) / c.rate / expected - 1).max())

    def spread(c):
        """Difference of W at time 1 between two inner dimensions."""
        few, many = (moved(balanced(k, scale), c.rate, 1.0) for k in (4, 16))
        return np.abs(few - many).max()

    return Theorem(
        claims=(
            Claim(
                "(a) roots",
                roots,
                lambda c: 1e-12,
                "upper",
                lambda quick: [Case(f"k = {k}", k=k) for k in (4, 7, 16)],
            ),
            Claim(
                "(c) singular values",
                velocity,
                lambda c: 100 * c.rate,  # first order in the step
                "upper",
                lambda quick: [
                    Case(f"k = {k}, e = {e}", k=k, rate=e) for k in (4, 9) for e in (1e-3, 1e-5)
                ],
            ),
            Claim(
                "(d) independent of k",
                spread,
                lambda c: 1e-13,
                "upper",
                lambda quick: [Case("e = 0.01", rate=0.01)],
            ),
        )
    )


MUTANTS = {
    "W W' without its root": Mutant("statement", power=1),
    "growth without its 2": Mutant("statement", growth=1.0),
    "an unbalanced start": Mutant("statement", scale=1.5),
}
