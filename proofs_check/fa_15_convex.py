r"""FA-15: convex losses with bounded second moment

Source
    derived here (docs/theory/frequency.md, FA-15).
Problem
    min f(Theta) convex with minimiser Theta*; R_k = |theta_k^1 - theta_k*|. Instance: the absolute
    loss of a pair of tokens, gamma_k = 1.
Algorithm
    SGD with a fixed step eta_k for each token, each token projected onto a ball that holds
    theta_k*; output the average of the iterates.
Assumptions
    f convex; E[|g_k|^2 | k sampled] <= gamma_k^2; the ball holds theta_k*.
Statement
    E f(Thetabar) - f* <= (1/(2T)) sum_k R_k^2/eta_k + (1/2) sum_k eta_k p_k gamma_k^2. The best
    steps are eta_k = R_k/(gamma_k sqrt(T p_k)), FA-SGD's exponent, with the bound
    sum_k sqrt(p_k/T) R_k gamma_k.
Checks
    one lazy token on a hinge, which attains the bound;
    all paths of the project's FA-SGD rule for exponents 0, 1/2, 1; 300 steps sampled with an
    e-process and bets; witness that the best steps are best; one step in exact rationals; the
    worst case over every convex function, from both sides (docs/worst_cases.md): at p = 1 the bound
    is attained for every T.
Literature
    Blockwise projection is the rules' option max_norm. FA-15-SHARP loses less where p < 1.
"""

from fractions import Fraction

import numpy as np
import sympy as sp

from freqopt.optimizers.fa_sgd import FASGD
from freqopt.theory import Assumption, Bound, Case, Check, Claim, Mutant, Step, Theorem, total
from freqopt.theory.engines.averages import expected_gap, sampled_gaps
from freqopt.theory.engines.betting import Sampling, below
from freqopt.theory.engines.chain import one_step, rows
from freqopt.theory.engines.chain.tokens import Chain
from freqopt.theory.engines.chain.visits import by_visits, occupation, patterns
from freqopt.theory.exact.absolute import AbsolutePairs
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.lone import hinge_gap, visits
from freqopt.theory.exact.outcomes import outcomes
from freqopt.theory.symbols import R2, T, eta, gamma2, half, p

variance = sp.Symbol("gamma2", positive=True)  # at gamma = 0 every step is the best
RADIUS = 1.0
SMALL = AbsolutePairs(pairs={"counts": ((10, 3), (2, 1))}, optimum_size=0.5, noise=0.3)
ZIPF = tuple(tuple(int(400 / (i * j)) for j in range(1, 13)) for i in range(1, 13))
LARGE = AbsolutePairs(pairs={"counts": ZIPF}, optimum_size=0.5, noise=0.5)


def case(problem, exponent, scale, steps, **wrong):
    frequency = np.concatenate([problem.constants.frequency[n] for n in "uv"])
    # The best scale for this exponent, (10.1) minimised over beta in eta = beta p^-q.
    distance = problem.optimum_size**2 * np.ones_like(frequency)
    best = np.sqrt(np.sum(distance * frequency**exponent) / np.sum(frequency ** (1 - exponent)))
    rate = scale * best / np.sqrt(steps)
    options = {
        "exponent": exponent,
        "form": "recipe",
        "cap": "none",
        "max_norm": RADIUS,
        "lr": rate,
    }
    rule = FASGD(**{**options, **wrong})
    start = {name: np.zeros(shape) for name, shape in problem.shapes.items()}
    return Case(
        f"q = {exponent}, {scale} x the best scale, T = {steps}",
        problem=problem, steps=steps, begin=lambda copies: Ensemble(problem, rule, start, copies),
        p=frequency, eta=rate * frequency**-exponent, R2=distance, gamma2=1.0, T=float(steps),
        start_gap=problem.gaps({n: t[None] for n, t in start.items()})[0],
    )  # fmt: skip


def worst_cases(quick, value):
    """One token, R = gamma = 1; lambda = T p to 20, the averaged iterate at p = 1 and to T = 6."""

    def row(steps, p, scale, output=rows.RANDOM, mean=None):
        eta, means = scale / np.sqrt(steps * p), () if mean is None else mean(steps, p)
        weights = occupation(steps, p) * (mean is None)
        chain = Chain(tuple(weights), (eta,) * (steps - 1), gamma2=1.0, means=means)
        case = f"T = {steps}, p = {p}, {scale} x the best step"
        return rows.row(case, output, value(p=p, T=steps, eta=eta, R2=1.0, gamma2=1.0), chain)

    more = () if quick else ((20, 1.0), (20, 0.25), (40, 0.25), (1000, 0.02))
    for steps, chance in ((1, 1.0), (2, 0.5), (3, 0.1), (5, 1.0), (8, 0.5), (12, 0.1), *more):
        for scale in (1.0,) if quick or steps > 8 else (0.5, 1.0, 2.0):
            yield row(steps, chance, scale)
    for steps in (2, 8) if quick else (2, 8, 12, 20):
        yield row(steps, 1.0, 1.0, rows.MEAN, patterns)
    for steps in (3,) if quick else (3, 6):  # in increasing order: A1 <= A <= J
        yield row(steps, 0.1, 1.0, rows.MET, by_visits)
        yield row(steps, 0.1, 1.0, rows.MEAN, patterns)
        yield row(steps, 0.1, 1.0)


def one_steps(first, second, power):
    """E|e'|^2 <= |e|^2 - (eta/first) p F + (second/first) p^power eta^2 |g|^2; basis e, g."""
    for v in one_step.grid(p=("1/100", "1/3", "1"), eta=("1/10", "1", "7")):
        p, eta, e, g = v["p"], v["eta"], (1, 0), (0, 1)
        slack = one_step.moved(e, [(p, (1, -eta)), (1 - p, e)])
        slack = one_step.add(slack, (second / first * p**power * eta**2, one_step.square(g)))
        fall = p * eta / first
        points = {0: (e, g), -1: ((0, 0), (0, 0))}
        used = {"-1,0": 2 * p * eta, "0,-1": 2 * p * eta - fall}
        yield (
            f"p = {p}, eta = {eta}",
            one_step.OneStep(2, slack, [-fall], points, used, Fraction(0), None),
        )


def lone_cases(quick):
    """Deterministic: f = p max(x, 0), R = 1, a step of 1/k, about k visits in T steps."""
    for visited in (1, 2, 5, 20, 100):
        for chance, steps in visits(visited):
            yield Case(
                f"one token on a hinge, p = {chance:g}, T = {steps}, eta = 1/{visited}",
                p=np.array([chance]), eta=np.array([1 / visited]), R2=np.array([1.0]),
                gamma2=1.0, T=float(steps), steps=steps, start_gap=chance,
            )  # fmt: skip


def on_hinge(i):
    return hinge_gap(float(i.p[0]), i.steps, np.full(round(1 / i.eta[0]), i.eta[0]))


def theorem(first=half, second=half, horizon=1, power=1, wrong=None, best=R2**half):
    """Parts: both 1/2; powers of T and p_k; the rule's options; R_k in the best step."""
    bound = Bound(first / T**horizon * total(R2 / eta) + second * total(eta * p**power * gamma2))

    def exact(i):
        return expected_gap(i.begin(1), outcomes(i.problem), i.steps, i.problem.gaps)

    def sampled(context):
        i = case(LARGE, 0.5, 1.0, 300, **(wrong or {}))
        draw = sampled_gaps(i.begin, outcomes(LARGE), i.steps, LARGE.gaps, context.seed)
        largest = LARGE.largest_gap(RADIUS)
        return below(draw, bound(i.letters()), context.delta, largest, Sampling(most=1024))

    def in_rationals(context):
        return one_step.verdict(one_steps(*map(Fraction, (str(first), str(second))), power))

    root = best / sp.sqrt(variance * T * p)
    return Theorem(
        assumptions=(Assumption("R_k <= radius", lambda i: np.sqrt(np.max(i.R2)) <= RADIUS),),
        claims=(
            Claim(
                "all paths",
                exact,
                bound,
                instances=lambda quick: [
                    case(SMALL, exponent, scale, 5 if quick else 6, **(wrong or {}))
                    for exponent in (0.0, 0.5, 1.0)
                    for scale in (0.3, 1.0, 3.0)
                ],
                trivial=lambda i: i.start_gap,
            ),
            Claim(
                "one token", on_hinge, bound, instances=lone_cases, trivial=lambda i: i.start_gap
            ),
        ),
        steps=(
            Step(  # (a - b)^2 >= 0: no step beats the best one
                "the best steps",
                sp.sqrt(p * R2 * variance / T),
                R2 / (2 * T * eta) + eta * p * variance / 2,
                ((half, (eta * p * variance, (root / eta - 1) ** 2)),),
            ),
        ),
        allowed={"all paths": "only short horizons can be enumerated; one token has long ones"},
        checks=(
            Check("statistics", "144 pairs, 300 steps", sampled, statistical=True),
            rows.check("every convex function", lambda quick: worst_cases(quick, bound.one_token)),
            Check("certificate", "one step, in rationals", in_rationals),
        ),
    )


MUTANTS = {
    "T^2 for T": Mutant("statement", horizon=2),
    "p_k^3 for p_k, 1/2 -> 1/16": Mutant("statement", first=sp.Rational(1, 16), power=3),
    "1/2 -> 1/16, both": Mutant("statement", first=sp.Rational(1, 16), second=sp.Rational(1, 16)),
    "best step without R_k": Mutant("proof", best=1),
    "ascent": Mutant("implementation", wrong={"maximize": True}),
    "a tenth of the rate": Mutant("implementation", wrong={"lr": 1e-3}),
    "1/2 -> 1": Mutant("statement", weaker="both terms doubled", first=1, second=1),
}
