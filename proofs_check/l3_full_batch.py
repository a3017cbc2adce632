r"""L3: full batches, growing vocabulary: gradient descent, sign descent, the root between them

Source
    derived here (the orders of gradient descent and sign descent are the published ones, read in
    words).
Problem
    The linear bigram model of Kunstner and Bach (2025): d tokens of frequency p_k ~ k^-nu,
    conditional frequencies of the same law, square loss, start at 0, exact gradients.
Algorithm
    Row steps (p_k/p_1)^(1-q): gradient descent with the step 1/p_1 is q = 0, FA-SGD q = 1/2. Sign
    descent with the step that is best for the number of steps.
Assumptions
    Every conditional distribution is, sorted, the token law itself, as in the paper's assumption
    2.3.
Statement
    To leave the share eps of the excess loss takes T_0 steps of order d^nu for nu < 1, d^(1-eps) at
    nu = 1, and a number that does not depend on d for nu > 1. With exponent q it takes T_q of order
    T_0^(1-q): FA-SGD has the square root of gradient descent's, without oscillation and with a step
    that does not depend on the number of steps. Sign descent takes order 1 for nu < 1/2,
    d^((1-eps)/2) at nu = 1/2, d^(1/2) beyond: so FA-SGD is never behind it in order for nu >= 1,
    where its own is d^((1-eps)/2) or 1, and is behind it for nu < 1/2, where it needs d^(nu/2).
Beware
    Sign descent's loss is the mean of two steps in succession; at even steps alone a rare token is
    back at its start, and the order d^(1/2) disappears. Corrections at nu = 1 are of order 1/log d:
    at d = 10^6 and eps = .1 the local exponent of gradient descent is .88, not .90. They are larger
    for a small eps: at eps = .01 FA-SGD is 1 % below its law at d = 10^30, and sign descent at
    nu = 1/2 is 2 % below its own at 10^20.
Proof
    Token k keeps (1 - (p_k/p_1)^(1-q))^(2t) ~ exp(-2 t k^(-nu (1-q))) of its loss p_k: learnt are
    the ranks up to t^(1/(nu (1-q))), which must hold the share 1 - eps of the mass: rank
    (1-eps)^(1/(1-nu)) d, d^(1-eps), or a constant. The rank does not depend on q, so t does only
    through its power. For sign descent the ranks up to m are learnt with eta = p_m/T, and the d - m
    others jitter by eta: d p_m^2/T^2 against sum p^2, where m is d, d^eps or a constant.
Checks
    exact: local exponents in d, up to d = 10^30 for the row steps and 10^20 for sign descent; ratio
    T_q/T_0^(1-q).
Literature
    Kunstner and Bach, arXiv 2505.19227: theorems 3.1 and 4.5, read in words; displayed formulas
    were not available. The law for q is new.
"""

from functools import cache

import numpy as np

from freqopt.theory import Case, Claim, Mutant, Theorem
from freqopt.theory.scaling import full_batch, groups


@cache
def row_steps(nu, size, share, q):
    return full_batch.steps_needed(groups.zipf(nu, size), share, q)


@cache
def sign_steps(nu, size, share):
    return full_batch.sign_steps_needed(groups.zipf(nu, size), share)


def row_exponent(c):
    """d log T / d log d over the decade up to d."""
    return np.log10(row_steps(c.nu, c.d, c.share, c.q) / row_steps(c.nu, c.d / 10, c.share, c.q))


def sign_exponent(c):
    """Over five decades: the number of steps is a whole number, found within 1 %."""
    return np.log10(sign_steps(c.nu, c.d, c.share) / sign_steps(c.nu, c.d / 1e5, c.share)) / 5


def cases(exponents, sizes, qs=(0.0,), shares=(0.1, 0.01)):
    def draw(quick):
        for nu in exponents:
            for share in shares[: 1 if quick else None]:
                for size in sizes:
                    for q in qs:
                        name = f"nu = {nu}, eps = {share}, d = {size:g}, q = {q}"
                        yield Case(name, nu=nu, share=share, d=size, q=q)

    return draw


SMALL, LARGE = 1e6, 1e30


def theorem(
    descent=full_batch.gradient_descent_exponent,
    sign=full_batch.sign_descent_exponent,
    root=lambda q: 1 - q,
    at_a_million=0.881,
    power=lambda q: 1 - q,
):
    """Parts: both published laws; the new power; the distance at d = 10^6; the constant ratio."""

    def gentle(c):
        return root(c.q) * descent(c.nu, c.share)

    def near_zero(c):  # the tolerance is relative
        return 1 + gentle(c)

    def rows(name, exponents, sizes, qs, tolerance):
        drawn = cases(exponents, sizes, qs)
        return Claim(name, row_exponent, gentle, "equal", drawn, tolerance=tolerance)

    def half(c):
        return row_steps(c.nu, c.d, c.share, c.q) / row_steps(c.nu, c.d, c.share, 0.0) ** power(c.q)

    return Theorem(
        claims=(
            rows("gradient descent, nu < 1", (0.25, 0.5, 0.75), (LARGE,), (0.0,), 0.004),
            rows("gradient descent, nu = 1", (1.0,), (LARGE,), (0.0,), 0.01),
            Claim(
                "gradient descent, nu > 1: 1 + exponent",
                lambda c: 1 + row_exponent(c),
                near_zero,
                "equal",
                cases((1.5, 2.0), (LARGE,), (0.0, 0.5)),
                tolerance=0.002,
            ),
            Claim(
                "gradient descent, nu = 1, d = 10^6",
                row_exponent,
                lambda c: at_a_million,
                "equal",
                cases((1.0,), (SMALL,), shares=(0.1,)),
                tolerance=0.005,
            ),
            rows("FA-SGD, nu < 1", (0.5, 0.75), (LARGE,), (0.5,), 0.004),
            rows("FA-SGD, nu = 1", (1.0,), (LARGE,), (0.5,), 0.012),
            rows("q = 3/4", (0.5, 0.75), (LARGE,), (0.75,), 0.01),
            Claim(
                "T_q / T_0^(1-q) stays as d grows from 10^29 to 10^30",
                half,
                lambda c: half(Case("", nu=c.nu, share=c.share, d=c.d / 10, q=c.q)),
                "equal",
                cases((0.5, 0.75, 1.0), (LARGE,), (0.5,)),
                tolerance=0.01,
            ),
            Claim(
                "sign descent, nu < 1/2: 1 + exponent",
                lambda c: 1 + sign_exponent(c),
                lambda c: 1 + sign(c.nu, c.share),
                "equal",
                cases((0.25,), (1e15,)),
                tolerance=0.004,
            ),
            Claim(
                "sign descent, nu = 1/2",
                sign_exponent,
                lambda c: sign(c.nu, c.share),
                "equal",
                cases((0.5,), (1e20,)),
                tolerance=0.026,
            ),
            Claim(
                "sign descent, nu > 1/2",
                sign_exponent,
                lambda c: sign(c.nu, c.share),
                "equal",
                cases((0.75, 1.5), (1e20,)),
                tolerance=0.008,
            ),
        )
    )


def shifted(law, by):
    return lambda nu, share: law(nu, share) + by


MUTANTS = {
    "gradient descent .02 slower": Mutant(
        "statement", descent=shifted(full_batch.gradient_descent_exponent, 0.02)
    ),
    "gradient descent d^nu at nu = 1": Mutant(
        "statement", descent=lambda nu, share: nu if nu <= 1 else 0.0
    ),
    "sign descent .02 slower": Mutant(
        "statement", sign=shifted(full_batch.sign_descent_exponent, 0.02)
    ),
    "sign descent .02 faster": Mutant(
        "statement", sign=shifted(full_batch.sign_descent_exponent, -0.02)
    ),
    "sign descent d^(1/2) at nu = 1/2": Mutant(
        "statement", sign=lambda nu, share: 0.5 if nu >= 0.5 else 0.0
    ),
    "q does nothing": Mutant("statement", root=lambda q: 1.0),
    "1/(1+q)": Mutant("statement", root=lambda q: 1 / (1 + q)),
    "the limit already at d = 10^6": Mutant("statement", at_a_million=0.9),
    "T_q of order T_0^(1-q+.02)": Mutant("statement", power=lambda q: 1.02 - q),
}
