r"""FA-17: counters and row-wise AdaGrad without knowing p or T

Source
    derived here (docs/theory/frequency.md, FA-17).
Problem
    min f(Theta) convex; every token kept in a ball of diameter D that holds theta_k*;
    E[|g_k|^2 | k sampled] <= gamma_k^2.
Algorithm
    (a) step alpha/sqrt(n) at the n-th visit; (b) step alpha/sqrt(sum of |g_k|^2 over the visits,
    the present one included). Output the average of the iterates.
Assumptions
    f convex; the ball holds theta_k*; samples independent.
Statement
    (a) E f(Thetabar) - f* <= T^(-1/2) sum_k sqrt(p_k) (D^2/(2 alpha) + alpha gamma_k^2);
    (b) E f(Thetabar) - f* <= (1/T) sum_k (D^2/(2 alpha) + alpha) E sqrt(sum_t |g_k^t|^2)
                           <= T^(-1/2) sum_k sqrt(p_k) gamma_k (D^2/(2 alpha) + alpha).
    On the way, for every sequence of gradients g_n met by one token and every point of the ball:
    sum_n <g_n, theta_n - point> <= D^2/(2 eta_c) + (1/2) sum_n eta_n |g_n|^2, c visits.
Checks
    one lazy token on a hinge, and one that noise drives along its ball (exact up to rounding down);
    the regret of the project's rules on sequences that an adversary chooses; all paths of CF-SGD
    (anytime, uncapped) and row-wise AdaGrad, absolute and squared loss; 300 steps sampled; (a): the
    worst case over every convex function and every convex set of diameter D, from both sides.
Literature
    Row-wise AdaGrad has the rate of the frequency-aware step without being told a frequency.
"""

import itertools

import numpy as np
import sympy as sp

from freqopt.optimizers.cf_sgd import CFSGD
from freqopt.optimizers.rowwise_adagrad import RowWiseAdaGrad
from freqopt.problems.pair import Pair
from freqopt.theory import (
    Assumption,
    Bound,
    Case,
    Check,
    Claim,
    Mutant,
    Search,
    Theorem,
    total,
)
from freqopt.theory.engines.averages import expected_gap, sampled_gaps
from freqopt.theory.engines.betting import Sampling, below
from freqopt.theory.engines.chain import projected, rows
from freqopt.theory.engines.chain.visits import occupation
from freqopt.theory.engines.enumeration import walk
from freqopt.theory.exact.absolute import AbsolutePairs
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.lone import hinge_gap, mean_position, pushed_positions, visits
from freqopt.theory.exact.outcomes import outcomes
from freqopt.theory.symbols import T, alpha, half, p

D, gamma, roots = sp.symbols("D gamma roots", positive=True)  # roots: E sqrt(sum of |g_k|^2)
last, bought = sp.symbols("last bought", positive=True)  # eta_c; sum of eta_n |g_n|^2
RADIUS = 1.0
LAW = {"kind": "counts", "counts": ((10, 3), (2, 1))}
ABSOLUTE = AbsolutePairs(pairs=LAW, optimum_size=0.5, noise=0.3)
SQUARED = Pair(pairs=LAW, score="sum", loss="squared", dimension=1, signal=0.4, noise=0.3)
ZIPF = tuple(tuple(int(400 / (i * j)) for j in range(1, 13)) for i in range(1, 13))
LARGE = AbsolutePairs(pairs={"counts": ZIPF}, optimum_size=0.5, noise=0.5)


def gaps_of(problem):
    if hasattr(problem, "gaps"):
        return problem.gaps
    best = problem.constants.optimum_value
    return lambda tables: np.array(
        [
            problem.objective({n: t[s] for n, t in tables.items()}) - best
            for s in range(len(tables["u"]))
        ]
    )


def largest_gradient(problem):
    if hasattr(problem, "gaps"):
        return 1.0
    planted = problem.optimum["u"] + problem.optimum["v"].T
    return 2 * RADIUS + np.abs(planted).max() + problem.noise


def case(problem, kind, scale, steps, **wrong):
    frequency = np.concatenate([problem.constants.frequency[n] for n in "uv"])
    rate, size = scale * 2 * RADIUS / np.sqrt(2), largest_gradient(problem)
    options = (
        {"form": "anytime", "cap": "none", "lr": rate / size}
        if kind is CFSGD
        else {"epsilon": 0.0, "lr": rate}
    )
    rule = kind(max_norm=RADIUS, **{**options, **wrong})
    start = {name: np.zeros(shape) for name, shape in problem.shapes.items()}
    return Case(
        f"{rule.name()} on {problem.name()}, {scale} x the best alpha, T = {steps}",
        problem=problem, steps=steps, begin=lambda copies: Ensemble(problem, rule, start, copies),
        T=float(steps), alpha=options["lr"], p=frequency, gamma=size, D=2 * RADIUS,
    )  # fmt: skip


def with_roots(i):
    """E sqrt(sum_t |g_k^t|^2), from the rule's own accumulator after all paths of T steps."""
    *_, (probability, ensemble) = walk(i.begin(1), outcomes(i.problem), i.steps)
    sums = [ensemble.states[n]["s"].reshape(ensemble.copies, -1) for n in "uv"]
    values = {**i.letters(), "roots": np.concatenate([probability @ np.sqrt(s) for s in sums])}
    return Case(i.name, **values)


def regret_case(kind, options, point):
    """One token, eight gradients, a start and a comparison point, chosen by an adversary."""
    *coordinates, rate, start, target = point
    grads = 2 * np.array(coordinates) - 1
    grads = np.where(np.abs(grads) < 1e-3, 1e-3, grads)
    given = {"form": "anytime", "cap": "none"} if kind is CFSGD else {"epsilon": 0.0}
    alpha = 10 ** (2 * rate - 1)
    rule = kind(**{"max_norm": RADIUS, "lr": alpha, **given, **options})
    table = np.array([[RADIUS * (2 * start - 1)]])
    state, regret, bought, eta = rule.init(table), 0.0, 0.0, 0.0
    target = RADIUS * (1 if target > 0.5 else -1)
    seen, moves = 0.0, []
    for n, g in enumerate(grads, start=1):
        regret += g * (table[0, 0] - target)
        seen += g**2
        eta = alpha / np.sqrt(n if kind is CFSGD else seen)
        bought += eta * g**2
        before = float(table[0, 0])
        rule.step(table, state, np.array([0]), np.array([[g]]))
        moves.append((table[0, 0], np.clip(before - eta * g, -RADIUS, RADIUS)))
    name = f"{kind.name()}, alpha={alpha:.3g}, g={np.round(grads, 3)}"
    return Case(name, regret=regret, bought=bought, last=eta, D=2 * RADIUS, moves=np.array(moves))


def regrets(kind, options):
    space = Search(11, lambda point: regret_case(kind, options, point))

    def instances(quick):
        rng = np.random.default_rng(12)
        for _ in range(100 if quick else 1000):
            yield space.make(rng.random(11))
        # Away from the target at full speed, then pushed on: nearly the whole bound is used.
        yield space.make(np.array([*[1.0] * 8, 0.65, 1.0, 0.0]))

    return space, instances


def worst_cases(quick, value):
    """(a), one token, D = gamma = 1, at three alphas."""
    longer = () if quick else ((8, 0.3), (16, 1.0), (20, 0.1))
    for steps, chance in ((1, 1.0), (2, 0.5), (6, 1.0), *longer):
        weights = occupation(steps, chance)
        weights = weights[weights > 1e-6 * weights[0]]
        for scale in (0.4, np.sqrt(0.5), 1.0):
            rates = scale / np.sqrt(np.arange(1.0, len(weights)))
            low, high = projected.bracket(weights, rates)
            # Visits left out: F is at most gamma D.
            high += float(occupation(steps, chance)[len(weights) :].sum())
            bound = value(p=chance, T=steps, alpha=float(scale), D=1.0, gamma=1.0)
            case = f"T = {steps}, p = {chance}, alpha = {float(scale):.3g}"
            yield rows.Row(
                case,
                rows.RANDOM,
                bound,
                low,
                high,
            )


def lone_cases(quick):
    """Deterministic: f = p max(x, 0) from x = D, gamma = 1, about k visits in T steps."""
    for visited, factor in itertools.product((1, 2, 5, 20, 100), (0.2, 0.4, 0.7, 1.4)):
        for chance, steps in visits(visited):
            alpha = factor * 2 * RADIUS / np.sqrt(visited)
            yield Case(
                f"one token on a hinge, p = {chance:g}, T = {steps}, alpha = {alpha:.3g}",
                p=np.array([chance]), T=float(steps), steps=steps, alpha=alpha, gamma=1.0,
                D=2 * RADIUS,
            )  # fmt: skip


def on_hinge(i):
    """Gradients are 1, so that both rules make the step alpha/sqrt(n) at visit n."""
    most = min(i.steps, round(i.p[0] * i.steps + 12 * np.sqrt(i.p[0] * i.steps) + 60))
    sizes = i.alpha / np.sqrt(np.arange(1.0, most + 1))
    return i.D * hinge_gap(float(i.p[0]), i.steps, sizes / i.D)


def noisy_cases(quick):
    """One token that noise drives away from its optimum, at an end of the ball: alpha gamma^2."""
    for chance, steps in ((1.0, 4000),) if quick else ((1.0, 4000), (0.1, 40_000)):
        yield Case(
            f"one token, noise against the ball, p = {chance:g}, T = {steps}",
            p=np.array([chance]), T=float(steps), steps=steps, alpha=5.0, gamma=1.0, D=2 * RADIUS,
        )  # fmt: skip


def pushed(i):
    """Gradients are +-1, so that both rules make the step alpha/sqrt(n) at visit n."""
    p, drift = float(i.p[0]), 10 / np.sqrt(i.p[0] * i.T)
    most = min(i.steps, round(p * i.steps + 12 * np.sqrt(p * i.steps)))
    positions = pushed_positions(float(drift), i.D, i.alpha, most)
    return p * drift * mean_position(positions, p, i.steps)


def theorem(first=half, second=1, horizon=half, power=half, counter=None, adagrad=None):
    """Parts: the 1/2 before D^2; the factor of alpha; powers of T and p_k; the rules' options."""
    rate = total(p**power) / T**horizon
    slow = first * D**2 / alpha
    bounds = {
        CFSGD: Bound(rate * (slow + second * alpha * gamma**2)),
        RowWiseAdaGrad: Bound(rate * gamma * (slow + second * alpha)),
    }
    measured_roots = Bound(total(roots) / T * (slow + second * alpha))
    wrong = {CFSGD: counter or {}, RowWiseAdaGrad: adagrad or {}}

    def exact(i):
        return expected_gap(i.begin(1), outcomes(i.problem), i.steps, gaps_of(i.problem))

    def claims(kind, name):
        def instances(quick):
            for scale in (0.2, 1.0, 5.0):
                yield case(ABSOLUTE, kind, scale, 5 if quick else 6, **wrong[kind])
                yield case(SQUARED, kind, scale, 4, **wrong[kind])

        yield Claim(name, exact, bounds[kind], instances=instances)
        yield Claim(
            f"{name}: one token", on_hinge, bounds[kind], instances=lone_cases,
            trivial=lambda i: i.p[0] * i.D,
        )  # fmt: skip
        yield Claim(
            f"{name}: one token in noise", pushed, bounds[kind], instances=noisy_cases,
            trivial=lambda i: i.p[0] * i.D,
        )  # fmt: skip
        space, sequences = regrets(kind, wrong[kind])
        regret = Bound(first * D**2 / last + half * bought)
        yield Claim(
            f"{name}: regret", lambda i: i.regret, regret, instances=sequences, search=space
        )
        yield Claim(
            f"{name}: the rule's steps", lambda i: i.moves[:, 0], lambda i: i.moves[:, 1], "equal",
            lambda quick: [space.make(x) for x in np.random.default_rng(14).random((20, 11))],
        )  # fmt: skip
        if kind is RowWiseAdaGrad:
            yield Claim(
                f"{name}, through the accumulator",
                exact,
                measured_roots,
                instances=lambda quick: map(with_roots, instances(True)),
            )

    def sampled(kind):
        def run(context):
            i = case(LARGE, kind, 1.0, 300, **wrong[kind])
            draw = sampled_gaps(i.begin, outcomes(LARGE), i.steps, LARGE.gaps, context.seed)
            largest = LARGE.largest_gap(RADIUS)
            limit = bounds[kind](i.letters())
            return below(draw, limit, context.delta, largest, Sampling(most=1024))

        return Check("statistics", f"{kind.name()}, 144 pairs", run, statistical=True)

    return Theorem(
        assumptions=(Assumption("D holds theta*", lambda i: i.D >= 2 * RADIUS),),
        claims=(*claims(CFSGD, "(a) counters"), *claims(RowWiseAdaGrad, "(b) row-wise AdaGrad")),
        checks=(
            sampled(CFSGD),
            sampled(RowWiseAdaGrad),
            rows.check(
                "(a) every convex function and set",
                lambda quick: worst_cases(quick, bounds[CFSGD].one_token),
            ),
        ),
    )


MUTANTS = {
    "T^2 for sqrt(T), 1/2 -> 1/8": Mutant("statement", horizon=2, first=sp.Rational(1, 8)),
    "T for sqrt(T)": Mutant("statement", horizon=1),
    "p_k^2 for sqrt(p_k), halves / 8": Mutant(
        "statement", power=2, first=sp.Rational(1, 16), second=sp.Rational(1, 8)
    ),
    "alpha/2 for alpha": Mutant("statement", second=half),
    "D^2/4 for D^2/2": Mutant("proof", first=sp.Rational(1, 4)),
    "ascent (a)": Mutant("implementation", counter={"maximize": True}),
    "ascent (b)": Mutant("implementation", adagrad={"maximize": True}),
    "1/2 -> 1": Mutant("statement", weaker="first term doubled", first=1),
}
