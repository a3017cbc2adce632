r"""X1: exact expectations, four ways

Source
    derived here (docs/theory/descent.md).
Problem
    The token quadratic; the additive model of two tables.
Algorithm
    SGD, FA-SGD, CF-SGD with a horizon and anytime.
Assumptions
    Samples independent; noise +-sigma.
Statement
    Second moments by enumeration of every path in rationals, by recursion (for CF-SGD over the
    counter), in closed form, and by enumeration with the project's rules are the same numbers.
Checks
    exact: identical rationals; the rules to rounding; the closed forms of the last, the averaged
    and the random iterate against differences of powers in 80 digits, T up to 10^12.
Literature
    An oracle needs a twin: a closed form that was algebraically right and numerically wrong once
    produced a speed-up out of rounding.
"""

import itertools
from fractions import Fraction

import mpmath as mp
import numpy as np
from sympy import Symbol

from freqopt.optimizers.cf_sgd import CFSGD
from freqopt.optimizers.fa_sgd import FASGD
from freqopt.optimizers.sgd import SGD
from freqopt.problems.token_quadratic import TokenQuadratic
from freqopt.streams import fold
from freqopt.theory import Bound, Case, Claim, Mutant, Theorem
from freqopt.theory.engines.enumeration import expectation
from freqopt.theory.exact import specified
from freqopt.theory.exact.additive import additive_moments
from freqopt.theory.exact.counters import counter_moments, problem_moments
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.moments import averaged_iterate, last_iterate, time_average
from freqopt.theory.exact.outcomes import outcomes
from freqopt.theory.symbols import R2, T, eta, p, sigma2

lam = Symbol("lam", positive=True)
F = Fraction
FREQUENCY = (F(3, 4), F(1, 4))
CURVATURE, NOISE, START = (F(1), F(1, 2)), (F(1, 3), F(2, 3)), (F(1), F(-2))
STEPS = {  # the step of a token's n-th visit at time t, as the rational that the float is
    "SGD": lambda k, n, t: F(1, 5),
    "FA-SGD": lambda k, n, t: F(min(0.25, 0.5 / np.sqrt(5 * float(FREQUENCY[k])))),
    "CF-SGD": lambda k, n, t: F(min(0.25, 0.5 / np.sqrt(5 * n / t))),
    "CF-SGD anytime": lambda k, n, t: F(min(0.25, 0.3 / np.sqrt(n))),
}


def every_path(step, steps):
    """E theta_k^2 after all paths (token, sign)^T, in rationals."""
    totals = [F(0), F(0)]
    for path in itertools.product(itertools.product((0, 1), (1, -1)), repeat=steps):
        theta, count, weight = list(START), [0, 0], F(1)
        for t, (k, sign) in enumerate(path, start=1):
            count[k] += 1
            gradient = CURVATURE[k] * theta[k] + sign * NOISE[k]
            theta[k] -= step(k, count[k], t) * gradient
            weight *= FREQUENCY[k] / 2
        totals = [total + weight * x**2 for total, x in zip(totals, theta, strict=True)]
    return totals


def by_counters(step, steps):
    found = []
    for k in (0, 1):
        values = [np.array([v]) for v in (FREQUENCY[k], CURVATURE[k], NOISE[k] ** 2, START[k] ** 2)]
        of_visit = lambda n, t, k=k: np.array([step(k, int(i), t) for i in n])  # noqa: E731
        found.append(counter_moments(*values, steps, of_visit).last[0])
    return found


def rational_cases(quick):
    for name, step in STEPS.items():
        constant = name in ("SGD", "FA-SGD")
        yield Case(
            name, step=step, steps=4 if quick else 5, T=4 if quick else 5,
            p=list(FREQUENCY), lam=list(CURVATURE), sigma2=[s**2 for s in NOISE],
            R2=[x**2 for x in START], eta=[step(k, 1, 1) for k in (0, 1)] if constant else None,
        )  # fmt: skip


PAIRS = ((F(1, 2), F(1, 8)), (F(1, 4), F(1, 8)))
RATES, ERRORS, LABEL = (F(1, 10), F(1, 7), F(1, 9), F(1, 5)), (F(1), F(-1), F(2), F(1, 3)), F(1, 2)


def additive_paths(steps):
    """E f of the last and of the averaged iterate of the additive model, every path."""

    def f(e):
        return sum(PAIRS[i][j] * (e[i] + e[2 + j]) ** 2 for i in (0, 1) for j in (0, 1)) / 2

    last, averaged = F(0), F(0)
    outcomes_of_a_step = list(itertools.product((0, 1), (0, 1), (1, -1)))
    for path in itertools.product(outcomes_of_a_step, repeat=steps):
        e, sums, weight = list(ERRORS), [F(0)] * 4, F(1)
        for i, j, sign in path:
            sums = [a + b for a, b in zip(sums, e, strict=True)]
            residual = e[i] + e[2 + j] + sign * LABEL
            e[i], e[2 + j] = e[i] - RATES[i] * residual, e[2 + j] - RATES[2 + j] * residual
            weight *= PAIRS[i][j] / 2
        last += weight * f(e)
        averaged += weight * f([s / steps for s in sums])
    return [last, averaged]


def additive_recursion(steps, noise2):
    pairs, rates, errors = (np.array(v, dtype=object) for v in (PAIRS, RATES, ERRORS))
    found = additive_moments(pairs, rates, noise2, errors, steps)
    return [found.objective[-1], found.averaged_objective]


QUADRATIC = TokenQuadratic(tokens={"kind": "counts", "counts": (12, 3, 1)}, dimension=2, noise=0.7)
RULES = {
    "SGD": (lambda T: SGD(lr=0.15), lambda T: specified.sgd(0.15)),
    "FA-SGD": (
        lambda T: FASGD(lr=0.4, horizon=T, smoothness=1.0),
        lambda T: specified.fa_sgd(0.4, T, 1.0),
    ),
    "CF-SGD": (
        lambda T: CFSGD(lr=0.4, horizon=T, smoothness=1.0),
        lambda T: specified.cf_sgd(0.4, T, 1.0),
    ),
}


def rule_paths(name, steps, options):
    """The same through the project's rule, all paths."""
    rule = RULES[name][0](steps)
    rule = type(rule)(**{**rule.model_dump(exclude_unset=True), **options})
    begin = Ensemble(QUADRATIC, rule, QUADRATIC.start(0, 0), 1)
    errors = {"e": lambda run: fold((run.values("tokens") - QUADRATIC.optimum) ** 2)}
    return expectation(begin, outcomes(QUADRATIC), steps, errors)["e"][-1]


def closed_forms(i):
    """The averaged iterate, the last one, and the mean over time."""
    h = i.eta * i.lam
    c, y = i.p * h * (2 - h), i.p * i.eta**2 * i.sigma2
    return [
        float(averaged_iterate(i.p, i.lam, i.sigma2, i.R2, i.eta, i.T)),
        float(last_iterate(c, y, i.R2, i.T)),
        float(time_average(c, y, i.R2, i.T)),
    ]


def twin(i, noise):
    """The same with differences of powers, in 80 digits."""
    with mp.workdps(80):
        p, lam, sigma2, m0, eta = (mp.mpf(v) for v in (i.p, i.lam, i.sigma2, i.R2, i.eta))
        h = eta * lam
        a, c = p * h, p * h * (2 - h)
        rest = float(noise) * p * eta**2 * sigma2 / c
        x, z = 1 - c, 1 - a

        def weighted(q):  # sum_s q^s w_s, w_s = 1 + 2 sum_{1 <= j < T - s} z^j
            geometric = mp.mpf(i.T) if q == 1 else (1 - q**i.T) / (1 - q)
            return 2 * (geometric - z * (z**i.T - q**i.T) / (z - q)) / a - geometric

        average = ((m0 - rest) * weighted(x) + rest * weighted(mp.mpf(1))) / mp.mpf(i.T) ** 2
        last = x**i.T * m0 + (1 - x**i.T) * rest
        mean = ((m0 - rest) * (1 - x**i.T) / (1 - x) + rest * i.T) / i.T
        return [float(v) for v in (average, last, mean)]


def extreme_points(quick):
    rng = np.random.default_rng(20)
    for n in range(100 if quick else 4000):
        law, lam = float(10 ** rng.uniform(-8, 0)), float(10 ** rng.uniform(-6, 0))
        noise, start = float(10 ** rng.uniform(-4, 4)), float(10 ** rng.uniform(-4, 4))
        rate = min(0.999 / lam, float(10 ** rng.uniform(-8, 0)))
        horizon = int(10 ** rng.uniform(0, 12))
        yield Case(f"point {n}", p=law, lam=lam, sigma2=noise, R2=start, eta=rate, T=horizon)


def theorem(noise=1, closed_noise=1, options=None):
    """Parts: the noise of the recursions; that of the closed form; options of the rules."""
    c = p * eta * lam * (2 - eta * lam)
    closed = Bound(
        (1 - c) ** T * R2
        + closed_noise * (1 - (1 - c) ** T) * eta * sigma2 / (lam * (2 - eta * lam))
    )
    constant = lambda quick: (i for i in rational_cases(quick) if i.eta is not None)  # noqa: E731
    wrong = options or {}
    width = {name: wrong.get(name, {}) for name in RULES}

    return Theorem(
        claims=(
            Claim(
                "every path = counter recursion",
                lambda i: every_path(i.step, i.steps),
                lambda i: [x * noise for x in by_counters(i.step, i.steps)],
                "equal",
                rational_cases,
            ),
            Claim(
                "every path = closed form",
                lambda i: every_path(i.step, i.steps),
                lambda i: closed.exact(i.letters()),
                "equal",
                constant,
            ),
            Claim(
                "additive model: every path = matrix recursion",
                lambda i: additive_paths(i.steps),
                lambda i: additive_recursion(i.steps, noise * LABEL**2),
                "equal",
                lambda quick: [Case("2 x 2", steps=3 if quick else 4)],
            ),
            Claim(
                "closed forms = 80-digit twin",
                closed_forms,
                lambda i: twin(i, closed_noise),
                "equal",
                extreme_points,
                tolerance=2e-14,  # 40 squarings of rounded non-negative numbers: measured 4e-15
            ),
            Claim(
                "the rules, all paths = recursion",
                lambda i: rule_paths(i.name, i.steps, width[i.name]),
                lambda i: problem_moments(
                    QUADRATIC, RULES[i.name][1](i.steps), i.steps, float(noise)
                ),
                "equal",
                lambda quick: [Case(name, steps=4 if quick else 5) for name in RULES],
                tolerance=1e-12,
            ),
        ),
    )


MUTANTS = {
    "noise of the recursions + 1 %": Mutant("statement", noise=F(101, 100)),
    "noise of the closed form halved": Mutant("statement", closed_noise=F(1, 2)),
    "counter before the visit": Mutant(
        "implementation", options={"CF-SGD": {"current": "excluded"}}
    ),
    "exponent 1": Mutant("implementation", options={"FA-SGD": {"exponent": 1.0}}),
    "momentum 0.1": Mutant("implementation", options={"SGD": {"momentum": 0.1}}),
}
