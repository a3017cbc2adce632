r"""T3: one strongly convex and smooth token, last iterate

Source
    derived here (docs/theory/descent.md, T3).
Problem
    F mu-strongly convex and L-smooth; the token is sampled with probability p.
Algorithm
    theta <- theta - eta (F'(theta) + xi) when sampled; E xi = 0, E|xi|^2 <= sigma^2.
Assumptions
    0 < eta <= 2/(mu + L).
Statement
    E|e'|^2 <= (1 - p + p (1 - eta mu)^2) |e|^2 + p eta^2 sigma^2, with equality for quadratics of
    curvature mu. Hence E|e_T|^2 <= rho^T |e_0|^2 + (1 - rho^T) eta sigma^2/(mu (2 - eta mu)),
    rho = 1 - p eta mu (2 - eta mu). The stationary error does not depend on p.
Checks
    witness; equality on quadratics in closed form; one step in exact rationals.
Literature
    The closed form is the oracle of X1.
"""

from fractions import Fraction

import numpy as np
import sympy as sp

from freqopt.theory import Assumption, Bound, Check, Claim, Hypothesis, Mutant, Step, Theorem
from freqopt.theory.engines.chain import one_step
from freqopt.theory.exact.functions import points
from freqopt.theory.exact.tokens import power_steps, random_tokens
from freqopt.theory.symbols import R2, L, T, eta, mu, p, sigma2

ee, gg, ge = sp.symbols("ee gg ge", nonnegative=True)
lam = sp.Symbol("lam", positive=True)
STEPS = power_steps(0.5, cap=1.0)


def strongly_convex(quick):
    return points(40 if quick else 400)


def one_steps(rate, noise):
    """E|e'|^2 <= (1 - p + p (1 - rate eta mu)^2) |e|^2 + noise p eta^2 |xi|^2; basis e, g, xi."""
    for v in one_step.grid(p=("1/100", "1/3", "1"), mu=("1/50", "1/2"), share=("1/3", "1")):
        p, mu, e, g, xi, zero = v["p"], v["mu"], (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)
        eta = v["share"] * 2 / (mu + 1)
        slack = one_step.moved(e, [(p, (1, -eta, -eta)), (1 - p, e)])
        slack = one_step.add(
            slack,
            (p * (1 - rate * eta * mu) ** 2 - p, one_step.square(e)),
            (noise * p * eta**2, one_step.square(xi)),
        )
        used = dict.fromkeys(("-1,0", "0,-1"), 2 * p * eta * (1 - eta * mu))
        yield (
            f"p = {p}, mu = {mu} L, eta = {eta}/L",
            one_step.OneStep(
                3, slack, [Fraction(0)], {0: (e, g), -1: (zero, zero)}, used, mu, Fraction(1),
                uncorrelated=dict.fromkeys(((0, 2), (1, 2)), Fraction(0)),
            ),
        )  # fmt: skip


def theorem(rate=1, noise=1, memory=1):
    """Parts: the factor of eta mu in the contraction; of the noise; of p in the exponent."""
    rho = 1 - memory * p + memory * p * (1 - rate * eta * lam) ** 2
    rest = noise * p * eta**2 * sigma2 * (1 - rho**T) / (1 - rho)
    coercive = ge - (gg / L + mu * ee - 2 * mu / L * ge) / (1 - mu / L)
    return Theorem(
        assumptions=(
            Assumption("eta <= 2/(mu + L)", lambda i: np.all(i.eta <= 2 / (i.curvature + 1))),
        ),
        claims=(
            Claim(
                "last iterate, curvature mu",
                lambda i: i.last(),
                Bound(rho**T * R2 + rest),
                "equal",
                lambda quick: random_tokens(STEPS, 100 if quick else 1000, horizon=3),
                tolerance=1e-8,  # 1 - rho^T cancels in this form of the bound
            ),
        ),
        hypotheses=(
            Hypothesis("eta mu <= 1", 1 - eta * mu, cases=strongly_convex),
            Hypothesis("co-coercivity with mu", coercive, cases=strongly_convex),
            Hypothesis("eta <= 2/(mu + L)", 2 - eta * (L + mu), cases=strongly_convex),
            Hypothesis("mu <= L", L - mu, cases=strongly_convex),
            Hypothesis("|g - mu e|^2 >= 0", gg - 2 * mu * ge + mu**2 * ee, cases=strongly_convex),
        ),
        steps=(
            Step(
                "one step",
                (1 - p) * ee + p * (ee - 2 * eta * ge + eta**2 * gg) + p * eta**2 * sigma2,
                (1 - p + p * (1 - rate * eta * mu) ** 2) * ee + noise * p * eta**2 * sigma2,
                (
                    (2, (p, eta, 1 - eta * mu, coercive)),
                    (1, (p, eta, 2 - eta * (L + mu), 1 / (L - mu), gg - 2 * mu * ge + mu**2 * ee)),
                ),
            ),
        ),
        checks=(
            Check(
                "certificate",
                "one step, in rationals",
                lambda context: one_step.verdict(
                    one_steps(Fraction(str(rate)), Fraction(str(noise)))
                ),
            ),
        ),
    )


MUTANTS = {
    "contraction 1 % faster": Mutant("statement", rate=sp.Rational(101, 100)),
    "noise -1 %": Mutant("statement", noise=sp.Rational(99, 100)),
    "p forgotten": Mutant("statement", memory=1 / p),
    "half the gradient": Mutant("proof", rate=sp.Rational(1, 2)),
}
