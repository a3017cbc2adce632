r"""FA-9: facts about counters

Source
    derived here (docs/theory/frequency.md, FA-9).
Problem
    X ~ Bin(n, p): how many of n earlier samples held a token. phat = (X + 1)/t, t = n + 1.
Algorithm
    CF-SGD counts the present visit before it uses the count.
Assumptions
    Samples are independent.
Statement
    1. E[1/(X+1)] = (1 - (1-p)^(n+1)) / ((n+1) p), hence E[1/phat] <= 1/p.
    2. E[phat] = p + (1-p)/t.
    3. P(X >= 2 n p + 3 ln(1/delta)) <= delta for delta in (0, 1).
Beware
    With the count before the visit, E[1/phat] is infinite: the off-by-one counter has no theorem.
    The constants of 3. are round, not the least: by Chernoff's bound 3/2 and 3/2 do as well, and 2
    and 1.
Checks
    witness: identity 1 as polynomials in p, n <= 8; rationals up to n = 200; binomial tails,
    those of the smaller constants as well.
Literature
    Identity 1 is the reason why CF-SGD pays no more noise than FA-SGD.
"""

import math
from fractions import Fraction

import numpy as np
import sympy as sp
from scipy.special import gammaln, logsumexp

from freqopt.theory import Case, Claim, Mutant, Step, Theorem

P = sp.Symbol("p", positive=True)


def rationals(quick):
    for n in (0, 1, 2, 5, 30, 200):
        for p in (Fraction(1, 2), Fraction(3, 17), Fraction(1, 1000), Fraction(1)):
            yield Case(f"n = {n}, p = {p}", n=n, p=p)


def mean(case, value):
    """E value(X), exactly."""
    n, p = case.n, case.p
    terms = (math.comb(n, x) * p**x * (1 - p) ** (n - x) * value(x) for x in range(n + 1))
    return sum(terms, Fraction(0))


def tails(quick):
    for n, p in ((10, 0.01), (100, 0.01), (1000, 0.001), (1000, 0.05), (10**5, 0.3), (3, 0.9)):
        for log in (0.01, 0.1, 1.0, 3.0, 6.0, 10.0, 30.0):
            yield Case(f"n = {n}, p = {p}, ln(1/delta) = {log}", n=n, p=p, log=log)
    # Many visits of a rare token, far out: there the exponent alone decides.
    # Which depth is the hardest depends on the constants: all of them, in steps of a quarter.
    for visits in (1e3, 1e5):
        for times in np.geomspace(0.05, 10.0, 25):
            n, log = round(visits / 1e-4), times * visits
            yield Case(f"n p = {visits:g}, ln(1/delta) = {log:g}", n=n, p=1e-4, log=log)


def log_tail(n, p, first):
    """ln P(X >= first), beyond the least positive float; of many terms those that count."""
    k = np.arange(first, min(n, first + 20_000) + 1)
    if not len(k):
        return -math.inf
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return logsumexp(ways + k * math.log(p) + (n - k) * math.log1p(-p))


def tail(name, slope, factor):
    """P <= delta as P^(1/ln(1/delta)) <= 1/e."""
    return Claim(
        name,
        lambda c: math.exp(
            log_tail(c.n, c.p, math.ceil(float(slope * c.n * c.p + factor * c.log))) / c.log
        ),
        lambda c: math.exp(-1),
        "upper",
        tails,
    )


def theorem(visits=1, slope=2, factor=3, drift=1):
    """Parts: what is added to X; both constants of the tail; the (1-p)/t in E phat."""

    def inverse(n, p):
        return (1 - (1 - p) ** (n + visits)) / ((n + 1) * p)

    identities = tuple(
        Step(
            f"E[1/(X+1)], n = {n}",
            sum(sp.binomial(n, x) * P**x * (1 - P) ** (n - x) / (x + 1) for x in range(n + 1)),
            inverse(n, P),
        )
        for n in range(9)
    )
    return Theorem(
        claims=(
            Claim(
                "E[1/(X+1)]",
                lambda c: mean(c, lambda x: Fraction(1, x + 1)),
                lambda c: inverse(c.n, c.p),
                "equal",
                rationals,
            ),
            Claim(
                "E[1/phat] <= 1/p",
                lambda c: mean(c, lambda x: Fraction(c.n + 1, x + 1)),
                lambda c: 1 / c.p * Fraction(visits),
                "upper",
                rationals,
            ),
            Claim(
                "E[phat]",
                lambda c: mean(c, lambda x: Fraction(x + 1, c.n + 1)),
                lambda c: c.p + drift * (1 - c.p) / (c.n + 1),
                "equal",
                rationals,
            ),
            tail("tail", slope, factor),
            tail("tail from 3/2 n p + 3/2 ln(1/delta)", 1.5, 1.5),
            tail("tail from 2 n p + ln(1/delta)", 2, 1),
        ),
        steps=identities,
    )


MUTANTS = {
    "tail from 17/10 n p + ln(1/delta)": Mutant("statement", slope=1.7, factor=1),
    "n for n + 1": Mutant("statement", visits=0),
    "no drift of E phat": Mutant("statement", drift=0),
    "tail from n p on": Mutant("statement", slope=1, factor=1),
    "tail 4 n p + 9 ln(1/delta)": Mutant(
        "statement", weaker="a higher threshold is passed less often", slope=4, factor=9
    ),
}
