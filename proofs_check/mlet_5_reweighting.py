r"""MLET-5: gradient directions are weighted by singular values

Source
    derived here (theory/mlet.md, MLET-5).
Problem
    W = W1 W2; u_a left singular vectors of W1 with values s1_a, v_b right singular vectors of W2
    with values s2_b (0 beyond the rank).
Algorithm
    As MLET-2, to first order.
Assumptions
    none: no balance is needed.
Statement
    u_a' (e2 W1 W1'G + e1 G W2'W2) v_b = (e2 s1_a^2 + e1 s2_b^2) u_a' G v_b.
Checks
    float64, all directions, random shapes; relative to the largest entry.
Literature
    The dense matrices u_a v_b' make the update cross-category.
"""

import numpy as np

from freqopt.theory import Case, Claim, Mutant, Theorem


def cases(quick):
    rng = np.random.default_rng(22)
    for i in range(10 if quick else 100):
        n, k, d = rng.integers(2, 12, 3)
        W1, W2, G = (rng.standard_normal(s) for s in ((n, k), (k, d), (n, d)))
        yield Case(f"n = {n}, k = {k}, d = {d}, draw {i}", W1=W1, W2=W2, G=G, e1=0.7, e2=0.4)


def theorem(power=2, rates=(1.0, 1.0)):
    """Parts: the power of the singular values; factors of e2 and e1."""

    def parts(c):
        U, s1, _ = np.linalg.svd(c.W1)
        _, s2, Vt = np.linalg.svd(c.W2)
        s1 = np.pad(s1, (0, U.shape[0] - len(s1)))
        s2 = np.pad(s2, (0, Vt.shape[0] - len(s2)))
        move = c.e2 * c.W1 @ c.W1.T @ c.G + c.e1 * c.G @ c.W2.T @ c.W2
        left = U.T @ move @ Vt.T
        weight = rates[0] * c.e2 * s1[:, None] ** power + rates[1] * c.e1 * s2**power
        return left, weight * (U.T @ c.G @ Vt.T)

    def error(c):
        left, right = parts(c)
        return float(np.max(np.abs(left - right)) / np.max(np.abs(left)))

    # Two products of at most 11 terms and two SVDs: 1e-14.
    return Theorem(claims=(Claim("relative error", error, lambda c: 1e-12, "upper", cases),))


MUTANTS = {
    "s for s^2": Mutant("statement", power=1),
    "e1 and e2 exchanged": Mutant("statement", rates=(0.7 / 0.4, 0.4 / 0.7)),
    "W2's share 1 % larger": Mutant("statement", rates=(1.0, 1.01)),
}
