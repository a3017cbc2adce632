r"""L2: a finite vocabulary, late: the speed-up of FA-SGD over SGD, with its logarithm

Source
    derived here.
Problem
    As L1, with N tokens.
Algorithm
    SGD and FA-SGD, each with the best rate for the horizon.
Assumptions
    R and S equal for all tokens; T N p_N^2 >> 1, so that the rarest tokens have been learnt at the
    rate of SGD too. For nu > 1 that is more than T p_N >> 1.
Statement
    SGD needs 1/(sqrt(p_N) sum_k sqrt(p_k)) times the steps of FA-SGD as T -> infinity, about
    ln(N)/2 for nu = 1. With its logarithm, for exponents q of the rate: gap ~ S A (1 + x)/(8 T)
    where A = sum_k (p_k/p_N)^(1-q) and x e^x = 4 T N p_N / (nu (1-q) S A). The limit is approached
    from below, as slowly as 1/log T.
Beware
    Before T p_N is of order one the speed-up is L1's and grows with T; a vocabulary on whose rarest
    tokens the data say nothing (T p_N < 1) never sees this limit. T p_N >> 1 alone is not enough:
    at nu = 1.5, N = 10^6, T = 10^12 it is 380, and SGD has a third of the gap stated.
Proof
    Once every token moves, a rate c p_k^-q is chosen for the rarest: their starts die like e^-x, x
    = 2 T c p_N^(1-q), and the jitter of all is c sum p^(1-q) S/4 = S A x/(8 T). Near rank N the
    starts sum to N p_N e^-x/(nu (1-q) x). The best x solves x + log x = log(..); SGD and FA-SGD
    differ in A: A_0/A_(1/2) = 1/(sqrt(p_N) sum sqrt p).
Checks
    exact: gaps and speed-ups of the recursion up to T = 10^24; the extrapolation in 1/log T; what
    happens at T p_N < 1, and between it and the assumption.
Literature
    The number is A1's share in FA-16 seen from the rarest token.
"""

from functools import cache

import numpy as np
from scipy.optimize import brentq

from freqopt.theory import Case, Claim, Mutant, Theorem
from freqopt.theory.scaling import groups, limits, online

NOISE = 4.0


@cache
def law(nu, size):
    return groups.zipf(nu, size)


@cache
def least_gap(nu, size, q, steps):
    return online.power_law_rule(law(nu, size), steps, NOISE, q=q)[0]


@cache
def speed_up(nu, size, steps):
    """Steps of SGD over steps of FA-SGD to the gap that FA-SGD has after `steps`."""
    target = least_gap(nu, size, 0.5, steps)
    tokens = law(nu, size)

    def excess(log_steps):
        return np.log(online.power_law_rule(tokens, np.exp(log_steps), NOISE, q=0.0)[0] / target)

    low, high = np.log(steps / 2), np.log(steps * 1e4)
    return float(np.exp(brentq(excess, low, high, xtol=1e-4)) / steps)


def extrapolated(c):
    """The limit of v(T) = v + b/log T, from T and T^2."""
    first, second = (speed_up(c.nu, c.N, steps) for steps in (c.T, c.T**2))
    return 2 * second - first


def instances(*steps):
    def draw(quick):
        for nu in (0.5, 1.0, 1.5):
            for size in (300, 2000) if quick else (300, 2000, 10**6):
                for T in steps:
                    yield Case(f"nu = {nu}, N = {size}, T = {T:g}", nu=nu, N=size, T=T)

    return draw


def late(quick):
    """A horizon from which the limit can be extrapolated: the larger the vocabulary, the later."""
    for c in instances(1e16, 1e24)(quick):
        if (c.N < 1e6) == (c.T < 1e20):
            yield c


def learnt(c):
    """T N p_N^2: the rarest tokens' starts over the jitter of all, in SGD."""
    return c.T * c.N * law(c.nu, c.N).p[-1] ** 2


def both(quick):
    for c in instances(1e12, 1e16)(quick):
        for q in (0.0, 0.5):
            if learnt(c) > 100:
                yield Case(f"{c.name}, q = {q}", q=q, **c.letters())


def theorem(
    limit=limits.late_speed_up,
    gap=limits.late_gap,
    half_log=lambda size: np.log(size) / 2,
    approach=1.0,
    early=1.0,
):
    """Parts: the limit; the gap with its logarithm; nu = 1; the side it comes from; T p_N < 1."""
    return Theorem(
        claims=(
            Claim(
                "the limit, extrapolated from T and T^2",
                extrapolated,
                lambda c: limit(law(c.nu, c.N)),
                "equal",
                late,
                tolerance=0.02,
            ),
            Claim(
                "gap with its logarithm",
                lambda c: least_gap(c.nu, c.N, c.q, c.T),
                lambda c: gap(law(c.nu, c.N), c.nu, c.T, NOISE, c.q),
                "equal",
                both,
                tolerance=0.03,
            ),
            Claim(
                "a third of that gap where T p_N = 380 and T N p_N^2 = .15",
                lambda c: least_gap(c.nu, c.N, 0.0, c.T),
                lambda c: 0.34 * gap(law(c.nu, c.N), c.nu, c.T, NOISE, 0.0),
                "upper",
                lambda quick: [Case("nu = 1.5, N = 10^6", nu=1.5, N=10**6, T=1e12)],
            ),
            Claim(
                "nu = 1: ln(N)/2",
                lambda c: limits.late_speed_up(law(1.0, c.N)),
                lambda c: half_log(c.N),
                "equal",
                lambda quick: [Case(f"N = {n:g}", N=n) for n in (1e6, 1e9)],
                tolerance=0.06,
            ),
            Claim(
                "from below",
                lambda c: speed_up(c.nu, c.N, c.T),
                lambda c: approach * limits.late_speed_up(law(c.nu, c.N)),
                "upper",
                instances(1e4, 1e6, 1e8, 1e12, 1e16),
            ),
            Claim(
                "a tenth of it while T p_N < 1/25",
                lambda c: speed_up(c.nu, c.N, c.T),
                lambda c: early * 0.15 * limits.late_speed_up(law(c.nu, c.N)),
                "upper",
                lambda quick: [Case("nu = 1.5, N = 2000", nu=1.5, N=2000, T=1e4)],
            ),
        )
    )


MUTANTS = {
    "half of it": Mutant("statement", limit=lambda g: limits.late_speed_up(g) / 2),
    "the gain 5 % larger": Mutant("statement", limit=lambda g: 1.05 * limits.late_speed_up(g)),
    "T4's factor N/(sum sqrt p)^2": Mutant(
        "statement", limit=lambda g: g.size / (g.weight @ np.sqrt(g.p)) ** 2
    ),
    "no logarithm": Mutant("statement", gap=lambda g, nu, T, S, q: S / (8 * T * g.p[-1])),
    "the logarithm of SGD for both": Mutant(
        "statement",
        gap=lambda g, nu, T, S, q: (
            limits.late_gap(g, nu, T, S, 0.0) / (1 if q == 0 else limits.late_speed_up(g))
        ),
    ),
    "gap + 5 %": Mutant("statement", gap=lambda *given: 1.05 * limits.late_gap(*given)),
    "ln N": Mutant("statement", half_log=np.log),
    "nine tenths are the most": Mutant("statement", approach=0.9),
    "nothing before": Mutant("statement", early=0.2),
}
