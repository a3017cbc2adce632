r"""FA-5: speed-up of FA-SGD over SGD, token by token

Source
    derived here (docs/theory/frequency.md, FA-5).
Problem
    As FA-3 and FA-4; A1 = sum p sigma^2, A2 = sum p^2 sigma^2.
Algorithm
    SGD with FA-3's step against FA-SGD with FA-4's.
Assumptions
    Those of FA-3 and FA-4; T large enough that the terms in 1/sqrt(T) lead. Equal sigma where said.
Statement
    The leading terms of FA-3 and FA-4 (a) have the ratio S_k = sqrt(A2 / (p_k A1)). For equal
    sigma: S_k > 1 if and only if p_k < sum p^2 / sum p; the head loses at most
    sqrt(sum p / p_1); at uniform p, S_k = 1. For p_k < 32 L Delta/(A1 T) the gain is at least
    (sqrt 2/16) sqrt(A2 T/(L Delta)).
Beware
    S_k compares two upper bounds. Only tokens rarer than the frequency-weighted mean gain, the
    head never does, and at uniform p nothing is gained. Measured speed-ups: T4.
Checks
    exact: both bounds evaluated at T = 10^60 and divided; counting of tokens on either side.
Literature
    The abstract claims a speed-up for imbalanced tokens; this is our form of it.
"""

import numpy as np
import sympy as sp

from freqopt.theory import Bound, Case, Claim, Mutant, Theorem
from freqopt.theory.symbols import A1, A2, Delta, L, T, p

SGD = sp.Rational(32, 7) * L * Delta / T + 8 * sp.sqrt(2) / 7 * sp.sqrt(L * Delta * A2 / T)
FA = sp.Rational(64, 7) * L * Delta / T + 8 * sp.sqrt(2) / 7 * sp.sqrt(p * L * Delta * A1 / T)


def case(name, frequency, sigma2=None, horizon=1e60, gap=0.7):
    sigma2 = np.ones_like(frequency) if sigma2 is None else sigma2
    A, B = np.sum(frequency * sigma2), np.sum(frequency**2 * sigma2)
    return Case(name, p=frequency, A1=A, A2=B, T=horizon, L=1.3, Delta=gap)


def laws(quick):
    rng = np.random.default_rng(3)
    yield case("uniform", np.full(50, 1 / 50))
    for nu in (0.5, 1, 1.5, 2):
        weight = np.arange(1, 201.0) ** -nu
        yield case(f"Zipf {nu}", weight / weight.sum())
    for i in range(10 if quick else 200):
        yield case(f"random law {i}", 2 * rng.dirichlet(np.full(30, 0.3)) + 1e-9)


def noisy_laws(quick):
    rng = np.random.default_rng(4)
    for i in range(20 if quick else 200):
        p = rng.dirichlet(np.full(20, 0.3)) + 1e-9
        yield case(f"random law and noise {i}", p, 10 ** rng.uniform(-2, 2, 20))


def saturated(quick):
    for law in noisy_laws(quick):
        for horizon in (10.0, 1e3, 1e6):
            rare = law.p < 32 * law.L * law.Delta / (law.A1 * horizon)
            if rare.any():
                yield Case(
                    f"{law.name}, T = {horizon:g}",
                    **{**law.letters(), "p": law.p[rare], "T": horizon},
                )


def ratio(case):
    return Bound(SGD)(case.letters()) / Bound(FA)(case.letters())


def miscounted(mean):
    """Tokens for which 'S_k > 1' and 'p_k < mean frequency' disagree, ties apart."""

    def count(case):
        gains, edge = ratio(case), mean(case.p)
        clear = np.abs(case.p / edge - 1) > 1e-9
        return float(np.sum(((gains > 1) != (case.p < edge)) & clear))

    return count


def theorem(
    speed=sp.sqrt(A2 / (p * A1)),
    mean=lambda p: np.sum(p**2) / np.sum(p),
    head=lambda p: np.sqrt(p.sum() / p.max()),
    gain=sp.sqrt(2) / 16,
    null=1.0,
):
    """Parts: S_k; the frequency where it crosses 1; the head's loss; the gain of rare tokens."""
    uniform = case("uniform", np.full(50, 1 / 50))
    return Theorem(
        claims=(
            Claim("S_k", ratio, Bound(speed), "equal", noisy_laws, tolerance=1e-9),
            Claim(
                "null control: uniform p", ratio, lambda c: null, "equal", lambda quick: [uniform]
            ),
            Claim(
                "S_k > 1 iff p_k < mean frequency", miscounted(mean), lambda c: 0.0, "equal", laws
            ),
            Claim(
                "loss of the head",
                lambda c: 1 / ratio(c)[np.argmax(c.p)],
                lambda c: head(c.p),
                instances=laws,
            ),
            Claim(
                "gain of rare tokens",
                ratio,
                Bound(gain * sp.sqrt(A2 * T / (L * Delta))),
                "lower",
                saturated,
            ),
        )
    )


MUTANTS = {
    "S_k without the root": Mutant("statement", speed=A2 / (p * A1)),
    "S_k with p_k^2": Mutant("statement", speed=sp.sqrt(A2 / A1) / p),
    "crossing at 1/N": Mutant("statement", mean=np.mean),
    "head loses nothing": Mutant("statement", head=lambda p: 1.0),
    "rare tokens gain 4 x more": Mutant("statement", gain=sp.sqrt(2) / 4),
    "a gain at uniform p": Mutant("statement", null=1.1),
    "head loses sqrt(N)": Mutant(
        "statement",
        weaker="sqrt(N) times the true loss",
        head=lambda p: np.sqrt(len(p) * p.sum() / p.max()),
    ),
}
