r"""FA-19: strongly convex losses and steps that fall like 1/t

Source
    derived here (theory/fa_sgd.md, FA-19).
Problem
    min f(Theta) = E l(Theta; xi), every l(.; xi) mu-strongly convex in its tokens. Instance: the
    token quadratic on a ball.
Algorithm
    eta_k^t = c_t p_k^-q, c_t = 2/(mu p_min^(1-q) (t+1)), 0 <= q <= 1, projected; output the average
    of the iterates with weights proportional to t.
Assumptions
    strong convexity per sample; E[|g_k|^2 | k sampled] <= gamma_k^2 on the ball.
Statement
    E f(Thetatilde) - f* <= 2 sum_k p_k^(1-q) gamma_k^2 / (mu p_min^(1-q) (T+1)); q = 1 is the best.
Checks
    witness of the one-step line; all paths of the project's FA-SGD rule (form "recipe" with
    lr_decay = 1/2); 1000 steps sampled.
Literature
    1/p_k, not 1/sqrt(p_k), is right here: each token on its own clock.
"""

import numpy as np
import sympy as sp

from freqopt.optimizers.fa_sgd import FASGD
from freqopt.problems.token_quadratic import TokenQuadratic
from freqopt.theory import Assumption, Bound, Case, Check, Claim, Mutant, Step, Theorem, total
from freqopt.theory.engines.averages import expected_gap, sampled_gaps
from freqopt.theory.engines.betting import Sampling, below
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.outcomes import outcomes
from freqopt.theory.symbols import T, gamma2, mu, p, q

smallest = sp.Symbol("p_min", positive=True)
V, gap, slack, Gamma = sp.symbols("V gap slack Gamma", nonnegative=True)
m, t = sp.symbols("m t", positive=True)
SMALL = TokenQuadratic(tokens={"kind": "counts", "counts": (12, 3, 1)}, dimension=1, noise=0.8)
LARGE = TokenQuadratic(tokens={"kind": "zipf", "size": 6, "exponent": 1.2}, dimension=1, noise=0.3)


def gaps(problem):
    weight = problem.probabilities * problem.curvatures / 2
    return lambda tables: np.sum(
        weight * (tables["tokens"][..., 0] - problem.optimum[:, 0]) ** 2, axis=1
    )


def case(problem, exponent, steps, **wrong):
    law, lam = problem.probabilities, problem.curvatures
    centre = np.abs(problem.optimum[:, 0])
    radius = float(centre.max() + 0.2)
    rate = 1 / (lam.min() * law.min() ** (1 - exponent))
    options = {
        "form": "recipe", "exponent": exponent, "cap": "none", "lr": rate, "lr_decay": 0.5,
        "max_norm": radius,
    }  # fmt: skip
    rule = FASGD(**{**options, **wrong})
    start = {"tokens": np.zeros((len(law), 1))}
    return Case(
        f"q = {exponent}, N = {len(law)}, T = {steps}",
        problem=problem, steps=steps, begin=lambda copies: Ensemble(problem, rule, start, copies),
        p=law, p_min=law.min(), mu=lam.min(), q=exponent, T=float(steps), radius=radius,
        gamma2=lam**2 * ((radius + centre) ** 2 + problem.noises**2),
        largest=float(np.sum(law * lam * (radius + centre) ** 2) / 2),
    )  # fmt: skip


def theorem(constant=2, horizon=1, power=1 - q, least=1 - q, drop=1, wrong=None):
    """Parts: the 2; powers of T+1, p_k and p_min; the m c_t V of the one-step line; the rule."""
    bound = constant * total(p**power * gamma2) / (mu * smallest**least * (T + 1) ** horizon)
    c = 2 / (m * (t + 1))
    after = (1 - drop * m * c) * V - 2 * c * gap + c**2 * Gamma - slack  # V at t + 1

    def exact(i):
        weights = np.arange(1.0, i.steps + 1)
        return expected_gap(i.begin(1), outcomes(i.problem), i.steps, gaps(i.problem), weights)

    def sampled(exponent):
        def run(context):
            i = case(LARGE, exponent, 1000, **(wrong or {}))
            weights = np.arange(1.0, i.steps + 1)
            law = outcomes(LARGE)
            draw = sampled_gaps(i.begin, law, i.steps, gaps(LARGE), context.seed, weights)
            return below(
                draw, float(Bound(bound)(i.letters())), context.delta, i.largest, Sampling()
            )

        return Check("statistics", f"q = {exponent}, 6 tokens", run, statistical=True)

    return Theorem(
        assumptions=(
            Assumption(
                "the ball holds theta*", lambda i: i.radius >= np.abs(i.problem.optimum).max()
            ),
        ),
        claims=(
            Claim(
                "all paths",
                exact,
                Bound(bound),
                instances=lambda quick: [
                    case(SMALL, exponent, steps, **(wrong or {}))
                    for exponent in (0.0, 0.5, 1.0)
                    for steps in ((2, 6) if quick else (2, 4, 7))
                ],
            ),
        ),
        steps=(
            Step(
                "gap at step t",
                gap,
                m * (t - 1) * V / 4 - m * (t + 1) * sp.expand(after) / 4 + Gamma / (m * (t + 1)),
                ((sp.Rational(1, 4), (m, t + 1, slack)),),
            ),
        ),
        checks=tuple(sampled(exponent) for exponent in (0.0, 0.5, 1.0)),
    )


MUTANTS = {
    "(T+1)^2": Mutant("statement", horizon=2, constant=sp.Rational(1, 4)),
    "p_min forgotten": Mutant("statement", least=0, constant=sp.Rational(1, 50)),
    "2 -> 1/200": Mutant("statement", constant=sp.Rational(1, 200)),
    "no contraction": Mutant("proof", drop=0),
    "a rate without 1/mu": Mutant("implementation", wrong={"lr": 1e-3}),
    "ascent": Mutant("implementation", wrong={"maximize": True}),
    "2 -> 4": Mutant("statement", weaker="4 > 2", constant=4),
}
