r"""L5: finite data and several passes: when learning rare tokens faster stops to pay

Source
    derived here.
Problem
    As L1, but a data set of D samples, n_k of token k, which is passed over E times in one order.
    Measured is the expected excess risk of future samples.
Algorithm
    Rates min(1, c n_k^-q) with the best c: SGD is q = 0, FA-SGD and AdaGrad's late rate q = 1/2.
Assumptions
    R and S equal for all tokens; the rates do not fall during training.
Statement
    With rho = (1-eta)^n a token's error is rho^(2E) + S eta/(2-eta) (1+rho) (1-rho^E)^2/(1-rho),
    and for many small steps, n E eta = x, e^(-2x) + (1-e^-x)^2 S/n: shrinkage 1-e^-x where Bayes
    has n/(n+S). At fixed E SGD keeps its exponent (nu-1)/(2 nu-1) in D. As E grows its risk falls
    like E^-((nu-1)/(2 nu-1)) until, from E of order D^(1-1/nu) on, it has the exponent 1 - 1/nu of
    FA-SGD and of Bayes' rule, and then the rules differ by constants only: 2 % for S in [1, 16].
    For S above the counts SGD is the better one, because Bayes' weight n/(n+S) is then linear in n.
Beware
    The order of samples within a pass is fixed; drawn anew, S has other weights of order eta. Test
    tokens come from the law, not from the data set: a token that was not seen costs its whole
    start.
Proof
    The estimate is linear in the samples: a sample at place i of n keeps eta (1-eta)^(n-i) of each
    pass, and passes form a geometric series. For n eta >> 1 the head's jitter is eta S/2 as in L1,
    while the edge moves with D E eta: L1 with T = D E, as long as what it leaves is more than
    D^-(1-1/nu).
Checks
    exact: (1) against the weights of all samples in rationals; its limit; local exponents in D and
    E; ratio to Bayes' rule.
Literature
    Early stopping as shrinkage is old; the exponent in E is new.
"""

from fractions import Fraction
from functools import cache

import numpy as np
import sympy as sp

from freqopt.theory import Bound, Case, Claim, Mutant, Theorem
from freqopt.theory.scaling import counting, epochs, groups

nu = sp.Symbol("nu", positive=True)
F = Fraction


@cache
def visits(exponent, samples):
    return counting.visit_law(groups.zipf(exponent), samples)


@cache
def risk(exponent, samples, passes, noise, q):
    n, mass = visits(exponent, samples)
    return epochs.tuned_risk(n, mass, passes, noise, q=q)[0]


def bayes(exponent, samples, noise):
    n, mass = visits(exponent, samples)
    return float(np.sum(mass * epochs.bayes_risk(n, noise))) / 2


def every_weight(c):
    """E e^2 from the weight of every sample after E passes, in rationals."""
    weights = [F(0)] * c.n
    for _ in range(c.E):
        for i in range(c.n):
            weights = [(1 - c.eta) * w for w in weights]
            weights[i] += c.eta
    return (1 - sum(weights)) ** 2 + c.S * sum(w * w for w in weights)


def small_cases(quick):
    for n, E, eta, S in ((1, 1, F(1, 3), F(2)), (3, 2, F(1, 5), F(4)), (4, 3, F(1, 2), F(1, 2)),
                         (6, 5, F(1, 10), F(9)), (2, 4, F(1), F(3))):  # fmt: skip
        yield Case(f"n = {n}, E = {E}, eta = {eta}, S = {S}", n=n, E=E, eta=eta, S=S)


def limit_cases(quick):
    rng = np.random.default_rng(5)
    for i in range(20):
        n, x, S = int(10 ** rng.uniform(0, 4)), 10 ** rng.uniform(-2, 1), 10 ** rng.uniform(-1, 2)
        yield Case(f"case {i}", n=n, x=x, S=S, E=10**7)


def in_samples(c):
    """-d log risk / d log D over the decade up to D."""
    before, after = (risk(c.nu, D, c.E, c.S, c.q) for D in (c.D / 10, c.D))
    return np.log10(before / after)


def in_passes(c):
    before, after = (risk(c.nu, c.D, E, c.S, c.q) for E in (c.E / 10, c.E))
    return np.log10(before / after)


def cases(exponents, samples, passes, noises=(4.0,), qs=(0.0,)):
    return lambda quick: [
        Case(f"nu = {v}, D = {D:g}, E = {E:g}, S = {S}, q = {q}", nu=v, D=D, E=E, S=S, q=q)
        for v in exponents for D in samples for E in passes for S in noises for q in qs
    ]  # fmt: skip


def theorem(
    formula=epochs.token_risk,
    small=epochs.shrinkage_risk,
    few=(nu - 1) / (2 * nu - 1),
    passes=(nu - 1) / (2 * nu - 1),
    many=1 - 1 / nu,
    tie=0.025,
    better=1.0,
    once=1.2,
):
    """Parts: (1), its limit; exponents in D and in E, early and late; tie; SGD ahead; one pass."""

    def beta(name, measured, exponent, instances, tolerance):
        return Claim(name, measured, Bound(exponent), "equal", instances, tolerance=tolerance)

    return Theorem(
        claims=(
            Claim(
                "every weight",
                lambda c: float(every_weight(c)),
                lambda c: formula(c.n, float(c.eta), c.E, float(c.S)),
                "equal",
                small_cases,
                tolerance=1e-12,
            ),
            Claim(
                "many small steps",
                lambda c: epochs.token_risk(c.n, c.x / (c.n * c.E), c.E, c.S),
                lambda c: small(c.n, c.x, c.S),
                "equal",
                limit_cases,
                tolerance=1e-5,
            ),
            beta("SGD in D, E = 3", in_samples, few, cases((1.5, 2.0), (1e9,), (3,)), 0.008),
            beta("SGD in E", in_passes, passes, cases((1.5, 2.0), (1e10,), (10,)), 0.02),
            beta("SGD in D, E = inf", in_samples, many,
                 cases((1.5, 2.0), (1e7,), (np.inf,)), 0.004),
            beta("FA-SGD in D, E = inf", in_samples, many,
                 cases((1.5, 2.0), (1e7,), (np.inf,), qs=(0.5,)), 0.004),
            Claim(
                "the tie: |SGD/FA-SGD - 1|, E = infinity",
                lambda c: abs(risk(c.nu, c.D, c.E, c.S, 0.0) / risk(c.nu, c.D, c.E, c.S, 0.5) - 1),
                lambda c: tie,
                "upper",
                cases((1.25, 1.5, 2.0), (1e6,), (np.inf,), (1.0, 4.0, 16.0)),
            ),
            Claim(
                "one pass of FA-SGD: risk over Bayes'",
                lambda c: risk(c.nu, c.D, c.E, c.S, c.q) / bayes(c.nu, c.D, c.S),
                lambda c: once,
                "upper",
                cases((1.25, 1.5), (1e4, 1e6), (1,), (1.0, 4.0), (0.5,)),
            ),
            Claim(
                "noise above the counts: SGD/FA-SGD, E = infinity",
                lambda c: risk(c.nu, c.D, c.E, c.S, 0.0) / risk(c.nu, c.D, c.E, c.S, 0.5),
                lambda c: better,
                "upper",
                cases((1.25, 1.5), (1e4,), (np.inf,), (100.0, 1000.0)),
            ),
        )
    )  # fmt: skip


STEP = sp.Rational(2, 100)


def slips(factor):
    return lambda n, eta, E, S: epochs.token_risk(n, eta, E, S * factor)


MUTANTS = {
    "fresh samples in every pass": Mutant(
        "statement", formula=lambda n, eta, E, S: epochs.token_risk(n * E, eta, 1, S)
    ),
    "noise + 1 %": Mutant("statement", formula=slips(1.01)),
    "S/n without its square": Mutant(
        "statement",
        small=lambda n, x, S: np.exp(-2 * x) + (1 - np.exp(-x)) * S / n,
    ),
    "SGD in D, .02 faster": Mutant("statement", few=(nu - 1) / (2 * nu - 1) + STEP),
    "SGD in E, .02 faster": Mutant("statement", passes=(nu - 1) / (2 * nu - 1) + STEP),
    "SGD in E, .02 slower": Mutant("statement", passes=(nu - 1) / (2 * nu - 1) - STEP),
    "many passes change nothing": Mutant("statement", many=(nu - 1) / (2 * nu - 1)),
    "the optimum .02 faster": Mutant("statement", many=1 - 1 / nu + STEP),
    "an exact tie": Mutant("statement", tie=0.001),
    "SGD wins by 10 %": Mutant("statement", better=0.9),
    "one pass is as good as Bayes' rule": Mutant("statement", once=1.02),
}
