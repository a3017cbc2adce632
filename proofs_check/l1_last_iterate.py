r"""L1: the last iterate under Zipf's law: which power of the horizon each rule has

Source
    derived here.
Problem
    Independent quadratics, one per token, of equal curvature, start distance R and noise S; token k
    is sampled with probability p_k = k^-nu / zeta(nu), nu > 1, from a vocabulary without end.
Algorithm
    Constant rates min(1, c p_k^-q) with the c that is best for the horizon T: SGD is q = 0, FA-SGD
    q = 1/2. CF-SGD anytime, rate min(1, alpha/sqrt(n)) at the n-th visit, the best alpha. The
    oracle: every token its own best constant rate.
Assumptions
    nu > 1; R and S equal for all tokens; T large.
Statement
    The expected gap of the last iterate is ~ C T^-beta. With q* = 1 - 1/nu and a = (nu-1)/(nu
    (1-q)), beta = a/(1+a) for q < q*, and the oracle's 1 - 1/nu for q >= q* (with a logarithm at q
    = q* and at q = 1). So SGD has (nu-1)/(2 nu-1), FA-SGD 1 - 1/nu for nu <= 2 and 2 (nu-1)/(3
    nu-2) beyond, CF-SGD the same as FA-SGD, 1/2 is enough exactly up to nu = 2, and for 1 < nu < 2
    SGD needs of order 1/eps times as many steps as FA-SGD. The constants are in
    `freqopt/theory/scaling/limits.py`.
Beware
    At nu = 2 FA-SGD sits on q*, and its logarithm is still .024 of exponent at T = 10^7. Where rare
    tokens start near their optimum, R_k^2 = p_k^s, every exponent rises and the gap between the
    rules narrows: a = (nu (1+s) - 1)/(nu (1-q)).
Proof
    A rate eta teaches the tokens with T p eta > 1. At c p^-q these are the ranks up to K, K^(nu
    (1-q)) = T c; those behind weigh K^(1-nu) = (T c)^-a. The others jitter by c sum p^(1-q). While
    nu (1-q) > 1 this sum is made by the head, and (T c)^-a = c gives beta. Else it is made at the
    edge, K/T in all, whatever q: K^(1-nu) = K/T gives the optimum, and no rates do better, since a
    token seen y times keeps a share of order 1/y of its start or of its noise.
Checks
    exact: local exponents over decades of T of the recursion, each token's in closed form, tails in
    groups of 1 %; constants at T = 10^13; the recursion against bidiagonal powers.
Literature
    The rules' order is that of FA-16, whose bound has N where this has T. The bound's exponent 1/2
    is for sums of squares at fixed N; the question for growing N is that of Kunstner and Bach
    (2025).
"""

from functools import cache

import numpy as np
import sympy as sp

from freqopt.theory import Bound, Case, Claim, Mutant, Theorem
from freqopt.theory.exact import moments
from freqopt.theory.scaling import counting, groups, limits, online
from freqopt.theory.symbols import q

nu = sp.Symbol("nu", positive=True)
STEP = sp.Rational(2, 100)
BELOW = (nu - 1) / (nu * (1 - q) + nu - 1)
NOISE = 1.0
ALL = (1.25, 1.5, 2.0, 3.0)
CONSTANTS = ((1.25, 0.0), (1.25, 0.5), (1.5, 0.0), (1.5, 0.5), (1.5, 0.75), (3.0, 0.5))


@cache
def law(exponent):
    return groups.zipf(exponent)


@cache
def least_gap(rule, exponent, steps, start=0.0):
    """Rule is q, "cf_sgd" or "oracle"; starts R_k^2 = p_k^start."""
    tokens = law(exponent)
    if rule == "cf_sgd":
        return counting.tuned_counter(tokens, steps, NOISE)[0]
    if rule == "oracle":
        return online.oracle(tokens, steps, NOISE)
    shape = tokens.p**-rule
    return online.tuned(tokens, steps, NOISE, shape=shape, start=tokens.p**start)[0]


def local_exponent(c):
    """-d log gap / d log T over the decade that ends at T."""
    before, after = (least_gap(c.rule, c.nu, steps, c.start) for steps in (c.T / 10, c.T))
    return np.log10(before / after)


def decade(rules, exponents, steps, start=0.0):
    """Instances: local exponents up to T."""

    def instances(quick):
        for rule in rules:
            for value in exponents:
                label = rule if isinstance(rule, str) else f"q = {rule}"
                name = f"{label}, nu = {value}, T = {steps:g}"
                exponent = rule if isinstance(rule, float) else 0.0
                yield Case(name, rule=rule, nu=value, q=exponent, T=steps, start=start, s=start)

    return instances


def speed_up(c):
    """Exponent of T_SGD/T_FA in 1/eps, from the two local exponents: 1/beta_SGD - 1/beta_FA."""
    slow, fast = (
        local_exponent(Case("", rule=rule, nu=c.nu, T=c.T, start=0.0)) for rule in (0.0, 0.5)
    )
    return 1 / slow - 1 / fast


def scaled(c):
    return least_gap(c.q, c.nu, c.T) * c.T ** limits.exponent(c.nu, c.q)


def points(quick):
    rng = np.random.default_rng(20)
    for n in range(50 if quick else 500):
        p, eta = 10 ** rng.uniform(-9, 0), 10 ** rng.uniform(-6, 0)
        steps, noise = int(10 ** rng.uniform(0, 9)), 10 ** rng.uniform(-3, 3)
        yield Case(f"point {n}", p=p, eta=eta, T=steps, S=noise)


def theorem(
    below=BELOW,
    above=1 - 1 / nu,
    fast=1 - 1 / nu,
    steep=2 * (nu - 1) / (3 * nu - 2),
    ratio=1.0,
    near=lambda c: limits.exponent(c.nu, c.q, c.start),
    factor=1.0,
    noise=1.0,
):
    """Parts: exponents below and above q*, of FA-SGD, of the ratio, of near starts; constants."""
    late = 1e13

    def beta(name, exponent, instances, tolerance):
        return Claim(name, local_exponent, Bound(exponent), "equal", instances, tolerance=tolerance)

    def near_starts(quick):
        return (c for start in (0.5, 1.0) for c in decade((0.0, 0.5), (1.5,), late, start)(quick))

    return Theorem(
        claims=(
            beta("SGD", below.subs(q, 0), decade((0.0,), ALL, late), 0.004),
            beta("SGD, T = 10^7", below.subs(q, 0), decade((0.0,), ALL, 1e7), 0.01),
            beta("FA-SGD, nu < 2", fast, decade((0.5,), (1.25, 1.5), late), 0.002),
            beta("FA-SGD, nu < 2, T = 10^7", fast, decade((0.5,), (1.25, 1.5), 1e7), 0.012),
            beta("FA-SGD, nu > 2", steep, decade((0.5,), (2.5, 3.0), late), 0.006),
            beta("q < q*", below, decade((0.25,), (1.75, 2.0, 3.0), late), 0.004),
            beta("q > q*", above, decade((0.6, 0.75), (1.25, 1.5, 2.0), late), 0.012),
            beta("oracle", above, decade(("oracle",), ALL, 1e9), 0.004),
            beta("CF-SGD, nu < 2, T = 10^7", fast, decade(("cf_sgd",), (1.5,), 1e7), 0.012),
            beta("CF-SGD, nu > 2, T = 10^7", steep, decade(("cf_sgd",), (3.0,), 1e7), 0.012),
            Claim(
                "T_SGD/T_FA ~ eps^-1", speed_up, lambda c: ratio, "equal",
                lambda quick: [Case(f"nu = {v}", nu=v, T=late) for v in (1.25, 1.5)],
                tolerance=0.01,
            ),
            Claim(
                "starts R_k^2 = p_k^s", local_exponent, near, "equal", near_starts, tolerance=0.01
            ),
            Claim(
                "constants at T = 10^13", scaled,
                lambda c: factor * limits.constant(c.nu, c.q, NOISE), "equal",
                lambda quick: [
                    Case(f"nu = {v}, q = {e}", nu=v, q=e, T=late)
                    for v, e in CONSTANTS
                ],
                tolerance=0.005,
            ),
            Claim(
                "closed form = bidiagonal powers",
                lambda c: online.second_moment(c.p, c.eta, c.T, c.S),
                lambda c: moments.last_iterate(
                    c.p * c.eta * (2 - c.eta), noise * c.p * c.eta**2 * c.S, 1.0, c.T
                ),
                "equal",
                points,
                tolerance=1e-12,
            ),
        )
    )  # fmt: skip


MUTANTS = {
    "SGD .02 faster": Mutant("statement", below=BELOW + STEP),
    "SGD .02 slower": Mutant("statement", below=BELOW - STEP),
    "1 - q/2 for 1 - q": Mutant(
        "statement", below=(nu - 1) / (nu * (1 - q / 2) + nu - 1), above=1 - 1 / nu
    ),
    "the optimum .02 faster": Mutant("statement", above=1 - 1 / nu + STEP),
    "FA-SGD .02 slower": Mutant("statement", fast=1 - 1 / nu - STEP),
    "FA-SGD optimal beyond nu = 2": Mutant("statement", steep=1 - 1 / nu),
    "FA-SGD beyond nu = 2, .02 faster": Mutant(
        "statement", steep=2 * (nu - 1) / (3 * nu - 2) + STEP
    ),
    "the ratio does not grow": Mutant("statement", ratio=0.0),
    "the ratio grows like eps^-1/2": Mutant("statement", ratio=0.5),
    "near starts change nothing": Mutant("statement", near=lambda c: limits.exponent(c.nu, c.q)),
    "constants + 1 %": Mutant("statement", factor=1.01),
    "noise + 1 %": Mutant("statement", noise=1.01),
}
