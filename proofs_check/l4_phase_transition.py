r"""L4: RMSprop and dense Adam change their law at T = 1/(1 - beta2)

Source
    derived here.
Problem
    As L1.
Algorithm
    RMSprop and dense Adam without momentum, as rules that count: rate c (p + 1 - beta2)^-1/2 at a
    visit, c the best for the horizon. Lazy Adam, whose moments are those of a row's own visits:
    rate c.
Assumptions
    The squared gradient of a visited row is s^2: noise rules, S >> r. nu < 2.
Statement
    The exact mean rate of a visit is within 5 % of c (p + 1 - beta2)^-1/2 for beta2 >= .99. So with
    fixed beta2 the exponent is FA-SGD's 1 - 1/nu while T (1 - beta2) << 1 and falls to SGD's
    (nu-1)/(2 nu-1) for T (1 - beta2) >> 1. The gap is a function of the product, T^-(1-1/nu) F(T (1
    - beta2)): with beta2 = 1 - c/T it keeps FA-SGD's exponent. The asymptotes are C T^-(1-1/nu), C
    of L1, and D (1-beta2)^e T^-b, b = (nu-1)/(2 nu-1), e = 1 - 1/nu - b, D in
    `freqopt/theory/scaling/limits.py`; they meet at T (1 - beta2) = (C/D)^(1/e), 1.1 for nu = 1.25
    and 4.0 for 1.5. Lazy Adam has SGD's exponent at every T.
Beware
    The transition is three decades of T wide: where the asymptotes meet 6 % are lost at most, and a
    factor of 1.6 (nu = 1.5) only at T = 1000/(1 - beta2). A rule whose gradients are not noise
    alone, or with momentum, has other constants.
Proof
    v is an exponential mean of s^2 B_j with independent visits B_j, so E v = s^2 (p + 1 - beta2) up
    to beta2; the rate p^-1/2 ends at p = 1 - beta2. The ranks that decide at T have T p of order
    one (L1): they see the end once T (1 - beta2) is of order one. Put y = T p in L1's integral: the
    rate is (y + T (1 - beta2))^-1/2, and nothing else depends on T.
Checks
    exact: the mean rate from the Laplace transform of v's law; local exponents on both sides; gap
    at one product over four decades of T; D; the crossing.
Literature
    FA-20 has the rates. Practice keeps beta2 = .999 at every horizon: the law says from where it
    costs.
"""

from functools import cache

import numpy as np
import sympy as sp

from freqopt.theory import Bound, Case, Claim, Mutant, Theorem
from freqopt.theory.scaling import adaptive, groups, limits, online

nu = sp.Symbol("nu", positive=True)


@cache
def law(exponent):
    return groups.zipf(exponent)


@cache
def least_gap(exponent, steps, rest):
    """RMSprop's, with rest = 1 - beta2; at rest = 1 lazy Adam's, but for sqrt(1 + p)."""
    shape = adaptive.effective_shape(law(exponent).p, rest)
    return online.tuned(law(exponent), steps, 1.0, shape=shape)[0]


def local_exponent(c):
    return np.log10(least_gap(c.nu, c.T / 10, c.rest) / least_gap(c.nu, c.T, c.rest))


def tied(c):
    """Local exponent with 1 - beta2 = product / T."""
    before, after = (least_gap(c.nu, T, c.product / T) for T in (c.T / 10, c.T))
    return np.log10(before / after)


@cache
def scaling(exponent, product, steps):
    """F(T (1 - beta2)) at one T."""
    return least_gap(exponent, steps, product / steps) * steps ** (1 - 1 / exponent)


def late(c):
    """Gap over (1-beta2)^e T^-b where the product is 10^6."""
    return scaling(c.nu, 1e6, 1e16) * 1e6 ** -limits.late_adaptive_constant(c.nu)[1]


def at_the_crossing(c):
    """Gap over FA-SGD's where the asymptotes meet."""
    D, e = limits.late_adaptive_constant(c.nu)
    meet = (limits.constant(c.nu, 0.5) / D) ** (1 / e)
    return scaling(c.nu, meet, 1e14) / scaling(c.nu, 1e-4, 1e14)


def rates(quick):
    for beta2 in (0.99, 0.999):
        for ratio in (1e-4, 0.1, 1.0, 5.0, 50.0):
            yield Case(
                f"beta2 = {beta2}, p = {ratio} (1 - beta2)", p=ratio * (1 - beta2), beta2=beta2
            )


def at(exponents, rest, steps):
    return lambda quick: [
        Case(f"nu = {v}, 1 - beta2 = {rest:g}, T = {steps:g}", nu=v, rest=rest, T=steps)
        for v in exponents
    ]


def theorem(
    error=1.05,
    early=1 - 1 / nu,
    after=(nu - 1) / (2 * nu - 1),
    lazy=(nu - 1) / (2 * nu - 1),
    product=1.0,
    constant=lambda c: limits.late_adaptive_constant(c.nu)[0],
    loss=1.06,
):
    """Parts: the rate's error; exponents before, after, of lazy Adam; product; D; crossing."""

    def beta(name, measured, exponent, instances, tolerance):
        return Claim(name, measured, Bound(exponent), "equal", instances, tolerance=tolerance)

    def bounded(kind, side):
        return Claim(
            f"exact mean rate, {kind} bound",
            lambda c: adaptive.inverse_root(c.p, c.beta2),
            lambda c: side,
            kind,
            rates,
        )

    def both(quick):
        return [Case(f"nu = {v}", nu=v) for v in (1.25, 1.5)]

    def products(quick):
        for v in (1.25, 1.5):
            for x in (0.1, 1.0, 10.0):
                yield Case(f"nu = {v}, T (1 - beta2) = {x}", nu=v, product=x, T=1e16)

    return Theorem(
        claims=(
            bounded("upper", error),
            bounded("lower", 1.0),
            beta("T << 1/(1-beta2)", local_exponent, early, at((1.25, 1.5), 1e-14, 1e12), 0.004),
            beta("T >> 1/(1-beta2)", local_exponent, after, at((1.25, 1.5), 1e-2, 1e12), 0.008),
            beta("lazy Adam", local_exponent, lazy, at((1.25, 1.5), 1.0, 1e12), 0.008),
            beta("1 - beta2 = c/T", tied, early, products, 0.004),
            Claim(
                "a function of the product",
                lambda c: scaling(c.nu, c.product, 1e16),
                lambda c: scaling(c.nu, product * c.product, 1e12),
                "equal",
                products,
                tolerance=0.006,
            ),
            Claim("the constant D", late, constant, "equal", both, tolerance=0.015),
            Claim("lost where the asymptotes meet", at_the_crossing, lambda c: loss, "upper", both),
        )
    )


STEP = sp.Rational(2, 100)
MUTANTS = {
    "the rate is exact": Mutant("statement", error=1.001),
    "FA-SGD's exponent .02 slower": Mutant("statement", early=1 - 1 / nu - STEP),
    "late exponent .02 faster": Mutant("statement", after=(nu - 1) / (2 * nu - 1) + STEP),
    "nothing changes": Mutant("statement", after=1 - 1 / nu),
    "lazy Adam as FA-SGD": Mutant("statement", lazy=1 - 1 / nu),
    "T sqrt(1 - beta2)": Mutant("statement", product=1e-2),
    "the product 20 % larger": Mutant("statement", product=1.2),
    "D + 3 %": Mutant(
        "statement", constant=lambda c: 1.03 * limits.late_adaptive_constant(c.nu)[0]
    ),
    "nothing is lost at the crossing": Mutant("statement", loss=1.0),
}
