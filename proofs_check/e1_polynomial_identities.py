r"""E1: the identities of a factorised step, for all matrices

Source
    derived here (docs/theory/factorised.md, E1).
Problem
    W = W1 W2, G = dL/dW.
Algorithm
    W1' = W1 - h G W2', W2' = W2 - h W1' G, both from the old values.
Assumptions
    none: the statements are polynomial identities.
Statement
    W' - W = -h (G W2'W2 + W1 W1'G) + h^2 G W'G; W1'W1 - W2 W2' changes by exactly
    h^2 (W2 G'G W2' - W1'GG'W1); if only row k has gradient g, row j moves by -h <w1_j, w1_k> g.
Checks
    polynomial identity testing: random matrices modulo the prime 2^61 - 1. A polynomial of degree 6
    that is not zero vanishes at a random point with probability at most 6/(2^61 - 1) (Schwartz,
    Zippel), so 20 agreeing draws leave (3e-18)^20.
Literature
    Stronger than any number of draws in rationals: it bounds the chance of being wrong.
"""

import numpy as np

from freqopt.streams import Stream
from freqopt.theory import Check, Mutant, Theorem, Verdict, Word

PRIME, DEGREE, DRAWS = 2**61 - 1, 6, 20


def matrices(seed, draw, *shapes):
    """Random matrices and a random scalar modulo the prime."""
    drawn = Stream(seed, draw, "identities").words(0, sum(a * b for a, b in shapes) + 1)
    words = np.array([int(word) % PRIME for word in drawn], object)
    edges = np.cumsum([0] + [a * b for a, b in shapes])
    made = [words[i : i + a * b].reshape(a, b) for i, (a, b) in zip(edges, shapes, strict=False)]
    return made, words[-1]


def step(W1, W2, G, h):
    return W1 - h * G.dot(W2.T), W2 - h * W1.T.dot(G)


def theorem(step=step, second=1, cross=1):
    """Parts: the step; the factor of the h^2 term of W' - W; of the move of other rows."""

    def differences(seed, draw):
        (W1, W2, G), h = matrices(seed, draw, (5, 3), (3, 4), (5, 4))
        new1, new2 = step(W1, W2, G, h)
        first = G.dot(W2.T.dot(W2)) + W1.dot(W1.T).dot(G)
        yield new1.dot(new2) - W1.dot(W2) + h * first - second * h**2 * G.dot(W1.dot(W2).T).dot(G)
        drift = W2.dot(G.T).dot(G).dot(W2.T) - W1.T.dot(G).dot(G.T).dot(W1)
        yield new1.T.dot(new1) - new2.dot(new2.T) - W1.T.dot(W1) + W2.dot(W2.T) - h**2 * drift
        G = np.where(np.arange(5)[:, None] == 2, G, 0)
        new1, new2 = step(W1, W2, G, h)
        others = [0, 1, 3, 4]
        moved = (new1.dot(new2) - W1.dot(W2))[others]
        yield moved + cross * h * np.outer(W1[others].dot(W1[2]), G[2])

    def test(context):
        for draw in range(DRAWS):
            for number, difference in enumerate(differences(context.seed, draw), start=1):
                if any(v % PRIME for v in difference.ravel()):
                    witness = f"identity {number} fails modulo 2^61 - 1 at draw {draw}"
                    return Verdict("", "", "", Word.REFUTED, kind="identity", witness=witness)
        note = f"{DRAWS} draws; false acceptance below {DEGREE / PRIME:.1e} for each"
        return Verdict("", "", "", Word.CERTIFIED, kind="identity", seeds=DRAWS, note=note)

    return Theorem(checks=(Check("identity", "three identities, all matrices", test),))


def gauss_seidel(W1, W2, G, h):
    new = W1 - h * G.dot(W2.T)
    return new, W2 - h * new.T.dot(G)


def doubled(W1, W2, G, h):
    return W1 - h * G.dot(W2.T), W2 - 2 * h * W1.T.dot(G)


MUTANTS = {
    "Gauss-Seidel": Mutant("implementation", step=gauss_seidel),
    "no chain rule": Mutant("implementation", step=lambda W1, W2, G, h: (W1 - h * G.dot(W2.T), W2)),
    "W2's gradient doubled": Mutant("implementation", step=doubled),
    "h^2 term dropped": Mutant("statement", second=0),
    "other rows stand still": Mutant("statement", cross=0),
}
