r"""FA-19: strongly convex losses and steps that fall like 1/t

Source
    derived here (docs/theory/frequency.md, FA-19).
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
    Sharper: the same times (T + 1 - H)/T, H = 1 + 1/2 + ... + 1/(T+1). At p = 1 that is the exact
    value of E f(Theta^tau) - f*, P(tau = t) proportional to t: attained in rationals, T = 1 .. 20.
Checks
    witness of the one-step line; one lazy token that crosses its ball; all paths of the project's
    FA-SGD rule (form "recipe" with lr_decay = 1/2); 1000 steps sampled; one step in exact
    rationals; the worst case over every function at p = 1, and of steps 2/(mu (n+1)) at the n-th
    visit, from both sides; the worst function run through the FA-SGD rule.
Literature
    1/p_k, not 1/sqrt(p_k), is right here: each token on its own clock.
"""

from fractions import Fraction

import numpy as np
import sympy as sp

from freqopt.optimizers.fa_sgd import FASGD
from freqopt.problems.token_quadratic import TokenQuadratic
from freqopt.theory import (
    Assumption,
    Bound,
    Case,
    Check,
    Claim,
    Mutant,
    Step,
    Telescope,
    Theorem,
    total,
)
from freqopt.theory.engines.averages import expected_gap, sampled_gaps
from freqopt.theory.engines.betting import Sampling, below
from freqopt.theory.engines.chain import one_step, rows
from freqopt.theory.engines.chain.replay import replayed
from freqopt.theory.engines.chain.tokens import Chain, Mean
from freqopt.theory.engines.chain.visits import occupation
from freqopt.theory.engines.chain.worst import worst
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.outcomes import outcomes
from freqopt.theory.symbols import T, gamma2, mu, p, q

smallest = sp.Symbol("p_min", positive=True)
V, gap, slack, Gamma = sp.symbols("V gap slack Gamma", nonnegative=True)
m, t, H = sp.symbols("m t H", positive=True)
distances, gaps_at = (sp.Function(name, nonnegative=True) for name in "vd")
falls = sp.Symbol("falls", nonnegative=True)
SMALL = TokenQuadratic(tokens={"kind": "counts", "counts": (12, 3, 1)}, dimension=1, noise=0.8)
LARGE = TokenQuadratic(tokens={"kind": "zipf", "size": 6, "exponent": 1.2}, dimension=1, noise=0.3)


def gaps(problem):
    weight = problem.probabilities * problem.curvatures / 2
    return lambda tables: np.sum(
        weight * (tables["tokens"][..., 0] - problem.optimum[:, 0]) ** 2, axis=1
    )


def harmonic(n):
    return sum(1 / k for k in range(1, n + 1))


def chain(steps, p, output=rows.RANDOM):
    """Steps 2/(mu (n+1)) at the n-th visit, which at p = 1 is step n; outputs weighted by t."""
    law = 2 * np.arange(1.0, steps + 1) / (steps * (steps + 1))
    weights = occupation(steps, p, law) * (output is rows.RANDOM)
    means = (Mean(1.0, tuple(law)),) if output is rows.MEAN else ()
    eta = tuple(2 / (n + 1) for n in range(1, steps))
    return law, Chain(tuple(weights), eta, mu=1.0, R2=None, gamma2=1.0, means=means)


def worst_cases(quick, value):
    """One token, gamma = mu = 1. For p < 1 the steps are the token's own, and no theorem's."""
    own = ((5, 0.5),) if quick else ((5, 0.5), (10, 0.2), (20, 0.5), (20, 0.2))
    for steps, chance in (
        *((n, 1.0) for n in ((1, 2, 5, 10) if quick else (1, 2, 5, 10, 20))),
        *own,
    ):
        bound = value(
            p=chance, p_min=chance, mu=1.0, q=1.0, T=steps, gamma2=1.0, H=harmonic(steps + 1)
        )
        for output in (rows.RANDOM, rows.MEAN) if chance == 1 else (rows.RANDOM,):
            name = f"T = {steps}, p = {chance}" + (", own clock" if chance < 1 else "")
            yield rows.row(name, output, bound, chain(steps, chance, output)[1])


def attained(steps, **wrong):
    """The worst function of p = 1, run through the project's FA-SGD rule."""
    law, made = chain(steps, 1.0)
    options = {"form": "recipe", "exponent": 1.0, "cap": "none", "lr": 1.0, "lr_decay": 0.5}
    rule = FASGD(**{**options, **wrong})
    value, _ = replayed(worst(made), rule, 1.0, law, frequency=np.array([1.0]))
    return value


def one_steps(drop, factor):
    """E|e'|^2 <= (1 - p eta mu) |e|^2 - 2 p eta F + p eta^2 |g|^2; basis e, g."""
    for v in one_step.grid(p=("1/100", "1/3", "1"), eta=("1/10", "1", "5"), mu=("1/7", "1")):
        p, eta, e, g = v["p"], v["eta"], (1, 0), (0, 1)
        slack = one_step.moved(e, [(p, (1, -eta)), (1 - p, e)])
        slack = one_step.add(
            slack,
            (factor * p * eta**2, one_step.square(g)),
            (-(2 - drop) * p * eta * v["mu"], one_step.square(e)),
        )
        yield (
            f"p = {p}, eta = {eta}, mu = {v['mu']}",
            one_step.OneStep(
                2, slack, [-2 * p * eta], {0: (e, g), -1: ((0, 0), (0, 0))},
                {"-1,0": 2 * p * eta}, v["mu"], None,
            ),
        )  # fmt: skip


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
        optimum=centre.max(), radius=radius, H=harmonic(steps + 1),
        p=law, p_min=law.min(), mu=lam.min(), q=exponent, T=float(steps),
        gamma2=lam**2 * ((radius + centre) ** 2 + problem.noises**2),
        largest=float(np.sum(law * lam * (radius + centre) ** 2) / 2),
    )  # fmt: skip


def lone_cases(quick):
    """theta* = 1 in a ball of radius 1, start at -1, mu = 1, no noise; gamma = 2."""
    for exponent in (0.0, 0.5, 1.0):
        for chance in (1.0, 0.1, 1e-3, 1e-5):
            for steps in {1, 2, *(round(c / chance) for c in (1, 5, 10))}:
                yield Case(
                    f"one token from end to end, q = {exponent}, p = {chance}, T = {steps}",
                    p=np.array([chance]), p_min=chance, mu=1.0, q=exponent, T=float(steps),
                    gamma2=np.array([4.0]), steps=steps, radius=1.0, optimum=1.0,
                    H=harmonic(steps + 1),
                )  # fmt: skip


def never_visited(i):
    """E f(Thetatilde) - f* is at least what is left if the token never was in a sample."""
    return float((1 - i.p[0]) ** (i.steps - 1) * i.p[0] * i.mu * 2**2 / 2)


def theorem(constant=2, horizon=1, power=1 - q, least=1 - q, drop=1, wrong=None, less=1):
    """Parts: the 2; powers of T+1, p_k and p_min; the m c_t V of the one-step line; the rule; the
    factor of H.
    """
    bound = constant * total(p**power * gamma2) / (mu * smallest**least * (T + 1) ** horizon)
    sharper = bound * (T + 1 - less * H) / T
    c = 2 / (m * (t + 1))
    after = (1 - drop * m * c) * V - 2 * c * gap + c**2 * Gamma - slack  # V at t + 1

    now, later = distances(t), distances(t + 1)
    summed = Telescope(  # v_t = E|e|^2 and the gap before step t
        "t times the gap",
        "gap at step t",
        t,
        T,
        {V: now, gap: gaps_at(t), slack: (1 - drop * m * c) * now - 2 * c * gaps_at(t)
         + c**2 * Gamma - later},
        m * t * (t - 1) * now / 4,
        t * gaps_at(t),
        Gamma / m,
        falls,
        t,
    )  # fmt: skip

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

    def replays(context):
        value = Bound(sharper).one_token

        def listed():
            for n in (2, 5) if context.quick else (2, 5, 8):
                letters = {"p_min": 1.0, "mu": 1.0, "q": 1.0, "gamma2": 1.0, "H": harmonic(n + 1)}
                run = attained(n, **(wrong or {}))
                bound = value(p=1.0, T=n, **letters)
                yield rows.Row(f"T = {n}, p = 1", rows.RANDOM, bound, run, run)

        return rows.judged(listed)

    return Theorem(
        assumptions=(
            Assumption(
                "the ball holds theta*",
                lambda i: not hasattr(i, "radius") or i.radius >= i.optimum,
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
                trivial=lambda i: i.largest,
            ),
            Claim(
                "one token",
                never_visited,
                Bound(bound),
                instances=lone_cases,
                trivial=lambda i: float(i.p[0] * i.mu * 2),
                sharper=Bound(sharper),
            ),
            Claim(
                "sharper, all paths",
                exact,
                Bound(sharper),
                instances=lambda quick: [
                    case(SMALL, exponent, steps, **(wrong or {}))
                    for exponent in (0.0, 0.5, 1.0)
                    for steps in ((2, 6) if quick else (2, 4, 7))
                ],
            ),
            Claim(  # what telescoping leaves: sum of t Gamma/(m (t + 1))
                "sum of t/(t+1)",
                lambda i: sum((Fraction(n, n + 1) for n in range(1, i.T + 1)), Fraction(0)),
                lambda i: i.T + 1 - Fraction(str(less)) * i.H,
                "equal",
                lambda quick: [
                    Case(f"T = {n}", T=n, H=sum(Fraction(1, k) for k in range(1, n + 2)))
                    for n in (1, 2, 7, 50)
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
            Step(  # Jensen: weights 2 t/(T (T + 1)); the potential is 0 at t = 1
                "the weighted sum",
                2 * falls / (T * (T + 1)),
                constant * Gamma / (m * (T + 1) ** horizon),
                (
                    (1, (2 / (T * (T + 1)), summed.quantity)),
                    (1, (m / 2, distances(T + 1))),
                ),
            ),
        ),
        sums=(summed,),
        allowed={"all paths": "only short horizons can be enumerated; one token has long ones"},
        checks=(
            *(sampled(exponent) for exponent in (0.0, 0.5, 1.0)),
            rows.check("every function", lambda quick: worst_cases(quick, Bound(bound).one_token)),
            rows.check(
                "every function, sharper bound",
                lambda quick: worst_cases(quick, Bound(sharper).one_token),
            ),
            Check("worst case", "run through FA-SGD", replays, needs="clarabel"),
            Check(
                "certificate",
                "one step, in rationals",
                lambda context: one_step.verdict(one_steps(drop, 1)),
            ),
        ),
    )


MUTANTS = {
    "(T+1)^2": Mutant("statement", horizon=2, constant=sp.Rational(1, 4)),
    "p_min forgotten": Mutant("statement", least=0, constant=sp.Rational(1, 50)),
    "2 -> 1/200": Mutant("statement", constant=sp.Rational(1, 200)),
    "no contraction": Mutant("proof", drop=0),
    "a rate without 1/mu": Mutant("implementation", wrong={"lr": 1e-3}),
    "ascent": Mutant("implementation", wrong={"maximize": True}),
    "sharper: H x 1.01": Mutant("statement", less=sp.Rational(101, 100)),
    "2 -> 4": Mutant("statement", weaker="4 > 2", constant=4),
}
