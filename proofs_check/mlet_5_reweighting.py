r"""MLET-5: gradient directions are weighted by singular values

Source
    stated in the paper: Theorem 1 and section 3.3 of Deng and others, Enhancing
    Cross-Category Learning in Recommendation Systems with Multi-Layer Embedding Training,
    PMLR 222 (2024), pages 263-278,
    there with equal rates; the rates of the layers are kept apart here.
Problem
    W = W1 W2; u_a left singular vectors of W1 with values s1_a, v_b right singular vectors of W2
    with values s2_b (0 beyond the rank).
Algorithm
    As MLET-2, to first order.
Assumptions
    none: no balance is needed.
Statement
    u_a' (e2 W1 W1'G + e1 G W2'W2) v_b = (e2 s1_a^2 + e1 s2_b^2) u_a' G v_b. Counts, for factors of
    full rank, k <= n: k d of the factors have s1_a not 0; a smaller k has d (k_big - k_small) fewer
    of them; for k < d, (n - k)(d - k) directions have the factor 0, and (n + d - k) k have not.
Beware
    First order in the step, plain SGD: no rate and no bound follows. The paper's toy table
    (d = 2, n = 5, k = 1) has 5 factors of 10 equal to 0; its formula, and the ranks, give 4.
Checks
    float64, all directions, random shapes; relative to the largest entry; the counts of all shapes
    up to 12, by rank.
Literature
    The paper's matrices are the transposes of ours: its W1 is our W2', its W2 our W1'.
    The dense matrices u_a v_b' make the update cross-category.
"""

import itertools

import numpy as np

from freqopt.theory import Case, Claim, Mutant, Theorem


def cases(quick):
    rng = np.random.default_rng(22)
    for i in range(10 if quick else 100):
        n, k, d = rng.integers(2, 12, 3)
        W1, W2, G = (rng.standard_normal(s) for s in ((n, k), (k, d), (n, d)))
        yield Case(f"n = {n}, k = {k}, d = {d}, draw {i}", W1=W1, W2=W2, G=G, e1=0.7, e2=0.4)


def shapes(quick):
    rng = np.random.default_rng(23)
    for n, k, d in itertools.product(range(2, 13, 3 if quick else 1), repeat=3):
        if k <= n:
            W1, W2 = rng.standard_normal((n, k)), rng.standard_normal((k, d))
            yield Case(f"n = {n}, k = {k}, d = {d}", W1=W1, W2=W2, n=n, k=k, d=d)


def nonzero(singular, size):
    """Which of the singular values, filled up with zeros, are not 0."""
    full = np.pad(singular, (0, size - len(singular)))
    return full > 1e-9 * full.max()


def factors(c):
    """(n, d): whether s1_a is not 0; whether the factor s1_a^2 + s2_b^2 is not 0."""
    first = nonzero(np.linalg.svd(c.W1, compute_uv=False), c.n)[:, None]
    second = nonzero(np.linalg.svd(c.W2, compute_uv=False), c.d)
    return first & np.ones(c.d, bool), first | second


def theorem(power=2, rates=(1.0, 1.0), rows=0, columns=0):
    """Parts: the power of the singular values; factors of e2 and e1; offsets in the counts."""

    def fewer(c):
        """Informative factors lost by an inner dimension one smaller."""
        smaller = Case("k - 1", W1=c.W1[:, 1:], W2=c.W2[1:], n=c.n, d=c.d)
        return int(factors(c)[0].sum()) - int(factors(smaller)[0].sum())

    def counted(name, measured, formula, least=1):
        def instances(quick):
            return (c for c in shapes(quick) if c.k >= least)

        return Claim(name, measured, formula, "equal", instances)

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
    return Theorem(
        claims=(
            Claim("relative error", error, lambda c: 1e-12, "upper", cases),
            counted("s1_a not 0", lambda c: int(factors(c)[0].sum()), lambda c: (c.k + rows) * c.d),
            counted("fewer for a smaller k", fewer, lambda c: c.d + rows, least=2),
            counted(
                "directions with factor 0",
                lambda c: int((~factors(c)[1]).sum()),
                lambda c: (c.n - c.k) * max(c.d - c.k + columns, 0),
            ),
        )
    )


MUTANTS = {
    "s for s^2": Mutant("statement", power=1),
    "e1 and e2 exchanged": Mutant("statement", rates=(0.7 / 0.4, 0.4 / 0.7)),
    "W2's share 1 % larger": Mutant("statement", rates=(1.0, 1.01)),
    "(k + 1) d": Mutant("statement", rows=1),
    "(n - k)(d - k + 1) dead directions": Mutant("statement", columns=1),
}
