"""What `freqopt verify --new FILE` writes: a theorem file that is whole and true, to be changed."""

from __future__ import annotations

from pathlib import Path

from freqopt.errors import TheoryError

TEXT = '''r"""MY-1: the variance of a mean

Source
    derived here.
Problem
    n independent coins that show 1 with probability p.
Algorithm
    The mean of the n coins.
Assumptions
    0 < p < 1, computed; the coins are independent, assumed.
Statement
    The variance of the mean is at most 1/(4n), with equality at p = 1/2.
Checks
    witness of p (1 - p) <= 1/4; exact variances in rationals; search over n and p.
Literature
    Any textbook.
"""

from fractions import Fraction
from math import comb

import sympy as sp

from freqopt.theory import (
    Assumption, Bound, Case, Claim, Hypothesis, Mutant, Search, Step, Theorem,
)  # fmt: skip

n, p = sp.symbols("n p", positive=True)


def coins(size, chance):
    return Case(f"n = {size}, p = {chance}", n=size, p=chance)


def variance(case):
    """Over all 2^n outcomes, grouped by their number of ones: no sampling, no formula."""
    chances = [
        comb(case.n, k) * case.p**k * (1 - case.p) ** (case.n - k) for k in range(case.n + 1)
    ]
    mean = sum(w * Fraction(k, case.n) for k, w in enumerate(chances))
    return sum(w * (Fraction(k, case.n) - mean) ** 2 for k, w in enumerate(chances))


def theorem(constant=sp.Rational(1, 4), power=1):
    """What could be wrong: the constant, and the power of n."""

    def instances(quick):  # hard ones among them: p = 1/2 attains the bound, n is large
        for size in (1, 2, 7, 50) if quick else (*range(1, 30), 50, 200):
            for chance in (Fraction(1, 10), Fraction(1, 3), Fraction(1, 2)):
                yield coins(size, chance)

    def adversary(point):  # a space in which a violation is looked for
        return coins(1 + int(19 * point[0]), Fraction(1 + int(97 * point[1]), 99))

    return Theorem(
        assumptions=(
            Assumption("0 < p < 1", lambda case: 0 < case.p < 1),
            Assumption("the coins are independent", how="declared"),
        ),
        claims=(
            Claim(
                "variance",
                variance,
                Bound(constant / n**power),
                instances=instances,
                search=Search(2, adversary, effort=0.2),
                trivial=lambda case: Fraction(1),  # values in [0, 1]: true without the theorem
            ),
        ),
        hypotheses=(Hypothesis("p <= 1", 1 - p),),  # evaluated on every instance
        steps=(
            Step("one coin", p * (1 - p), constant, ((1, ((p - sp.Rational(1, 2)) ** 2,)),)),
            Step("it is no larger than p", p * (1 - p) / n, p / n, ((1, (p**2 / n,)),)),
            Step("nor than 1", p * (1 - p), 1, ((1, (1 - p,)), (1, (p**2,)))),
        ),
    )


MUTANTS = {
    "1/5": Mutant("statement", constant=sp.Rational(1, 5)),
    "n^2": Mutant("statement", power=2),
    "1/2": Mutant("statement", weaker="1/2 > 1/4", constant=sp.Rational(1, 2)),
}
'''


def write(target: Path) -> None:
    """Write the skeleton.

    Raises
    ------
    TheoryError
        If there is such a file, its name does not end in .py, or it cannot be written.
    """
    if target.suffix != ".py":
        raise TheoryError(f"{target} is no name for a theorem file: it ends in .py")
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(TEXT)
    except FileExistsError:
        raise TheoryError(f"{target} exists and was left as it is; choose another name") from None
    except OSError as error:
        raise TheoryError(f"{target} was not written: {error.strerror}") from None
