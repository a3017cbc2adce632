r"""MEM-4: selection independent of unbiased noise: a ball proportional to the step

Source
    derived here (docs/theory/memory.md, MEM-4).
Problem
    As MEM-1; E[xi_s | past] = 0, E|xi_s|^2 <= sigma^2; a stored gradient keeps its noise.
Algorithm
    As MEM-1 with weights >= 0, fixed in advance or drawn independently of the noise (FIFO, random).
Assumptions
    alpha <= 1/(8 L w_hi) and alpha^2 L^2 D Q <= w_lo/(4 w_hi), Q = sum_i omega_i q^-i.
Statement
    E V_T <= q^T V_0 + (alpha L sigma^2/(w_lo mu))
                       (N2 + D(N2+1)/2 + alpha L (D^2 N2/w_lo + 2 D Q w_hi)),
    N2 = sup_t sum_k w_{t,k}^2. Without delays, for every alpha w_hi <= 1/L,
    E V_T <= q^(2T) V_0 + alpha L sigma^2 N2/(2 w_lo mu (1 + q)).
Beware
    It does not cover selection by norm, which depends on the noise: MEM-5. Whether q^(2T) holds
    with delays as well is open: on quadratics it is seen, and for PL functions no instance against
    it is known (docs/theory/memory.md).
Checks
    exact E V of FIFO, single-gradient and random selections on quadratics; adversarial search;
    without delays witness, and PL functions that are not convex.
Literature
    For "sum" the first step has weight 1: q^(T-1) (1 - alpha mu), as in MEM-1.
"""

import numpy as np
import sympy as sp

from freqopt.theory import (
    Assumption,
    Bound,
    Case,
    Claim,
    Hypothesis,
    Mutant,
    Search,
    Step,
    Theorem,
)
from freqopt.theory.exact.memory import Condition, expected_value
from freqopt.theory.symbols import L, alpha, half, mu, q

T = sp.Symbol("T", nonnegative=True)
V0, noise2, first, D, Q, N2 = sp.symbols("V0 noise2 first D Q N2", nonnegative=True)
low, high = sp.symbols("w_lo w_hi", positive=True)
V, square, r = sp.symbols("V square r", nonnegative=True)  # f - f*, |grad f|^2; f(y) = mu r^2/2


def schedules(kind, capacity, steps, seed=0):
    """(weights of each step, S, N2, omega_i for i = 1 .. K)."""
    rng = np.random.default_rng(seed)
    if kind == "fifo":  # g_t + mean of the last C
        chosen = [{0: 1.0}]
        for t in range(1, steps):
            n = min(t, capacity)
            chosen.append({0: 1.0, **dict.fromkeys(range(1, n + 1), 1 / n)})
        # omega_i = (C - i + 1)/C; with n < C stored it is (n - i + 1)/n, which is less.
        return chosen, 2.0, 2.0, (capacity - np.arange(capacity)) / capacity
    if kind in ("stalest", "saw"):  # the oldest; one noisy gradient K + 1 times in a row
        ages = range(capacity + 1) if kind == "saw" else (capacity,)
        chosen = [{min(t, ages[t % len(ages)]): 1.0} for t in range(steps)]
        return chosen, 1.0, 1.0, np.ones(capacity)
    if kind == "random":  # one of the current and the last C
        chosen = [{int(rng.integers(0, min(t, capacity) + 1)): 1.0} for t in range(steps)]
        return chosen, 1.0, 1.0, np.ones(capacity)
    return [{0: 1.0}] * steps, 1.0, 1.0, np.zeros(0)


def case(kind, capacity, kappa, share, *, starts=1.0, noise2=1.0, steps=200, seed=0):
    weights, total, squares, stale = schedules(kind, capacity, steps, seed)
    rule = Condition(len(stale), total, total, stale, 1 / kappa)
    D, ages = float(stale.sum()), np.arange(1, len(stale) + 1)

    def fits(step):
        tail = float(np.sum(stale * rule.contraction(step) ** -ages))
        return step <= 1 / (8 * total) and step**2 * D * tail <= 1 / 4

    step = 1 / (8 * total)
    while not fits(step):
        step *= 0.98
    step *= share
    Q = float(np.sum(stale * rule.contraction(step) ** -ages))
    spectrum = np.geomspace(1 / kappa, 1, 4)
    values = sum(expected_value(h, starts, noise2 / 4, step, weights) for h in spectrum)
    quotient = rule.contraction(step)
    return Case(
        f"{kind}, C = {capacity}, kappa = {kappa:g}, {share:g} of the largest step",
        values=values[1:], V0=values[0], T=np.arange(1.0, steps + 1), q=quotient, L=1.0,
        alpha=step, mu=1 / kappa, noise2=noise2, D=D, Q=Q, N2=squares, w_lo=total, w_hi=total,
        first=1 - step / kappa if kind == "fifo" else quotient, fits=fits(step),
    )  # fmt: skip


def ripples(x):  # x^2 + 3 sin(x)^2 and its derivative: PL with 1/32, 8-smooth, not convex
    return x**2 + 3 * np.sin(x) ** 2, 2 * x + 3 * np.sin(2 * x)


def valley(z):  # mu s^2/2, s = x + sin(y)/2, |grad s| >= 1: PL with mu = 1/10, 1-smooth |s| < 10
    s = z[0] + np.sin(z[1]) / 2
    return s**2 / 20, s / 10 * np.array([1.0, np.cos(z[1]) / 2])


def descent(name, function, start, L, mu, alpha, steps):
    """Gradient descent, without noise."""
    x, values = np.asarray(start), []
    for _ in range(steps + 1):
        value, gradient = function(x)
        values.append(value)
        x = x - alpha * gradient
    return Case(
        name, values=np.array(values[1:]), V0=values[0], T=np.arange(1.0, steps + 1),
        q=1 - alpha * mu, L=L, alpha=alpha, mu=mu, noise2=0.0, N2=1.0, w_lo=1.0, w_hi=1.0,
        fits=alpha * L <= 1,
    )  # fmt: skip


def stepped(quick):
    """V and |grad f|^2 before a step, and the root r of 2 V/mu after it."""
    for x in np.linspace(0.1, 5, 12 if quick else 120):
        for function, at, smooth, pl in (
            (ripples, np.asarray(x), 8, 1 / 32),
            (valley, np.array([8.0, x]), 1, 0.1),
        ):
            for share in (0.1, 1.0):
                alpha, (value, gradient) = share / smooth, function(at)
                after, _ = function(at - alpha * gradient)
                yield Case(
                    f"{function.__name__} at {x:.3g}, alpha L = {share}", V=value, alpha=alpha,
                    square=float(np.sum(gradient**2)), r=np.sqrt(2 * after / pl), mu=pl,
                )  # fmt: skip


def noisy(kappa, share, starts, steps=60):
    """As `case`, without delays, up to alpha = 1/L."""
    spectrum, weights = np.geomspace(1 / kappa, 1, 4), [{0: 1.0}] * steps
    values = sum(expected_value(h, starts, 0.25, share, weights) for h in spectrum)
    return Case(
        f"fresh, kappa = {kappa:g}, alpha L = {share:g}", values=values[1:], V0=values[0],
        T=np.arange(1.0, steps + 1), q=1 - share / kappa, L=1.0, alpha=share, mu=1 / kappa,
        noise2=1.0, N2=1.0, w_lo=1.0, w_hi=1.0, fits=share <= 1,
    )  # fmt: skip


def fresh(quick):
    for share in (0.1, 0.5, 1.0):
        for x in (0.5, 1.5, 2.5, 5.0):
            yield descent(
                f"ripples from {x}, alpha L = {share}", ripples, x, 8, 1 / 32, share / 8, 9
            )
        for y in (0.1, 1.0, 1.5, 3.0):
            start = np.array([9.0, y])
            yield descent(f"valley from {y}, alpha L = {share}", valley, start, 1, 0.1, share, 30)
        for kappa in (1.0, 3.0, 30.0):
            for starts in (0.0, 1.0):
                yield noisy(kappa, share, starts)


def theorem(power=1, noise=N2, drop=1, contraction=q, without=q**2, ball=half):
    """Parts: the power of alpha in the ball; N2; the terms of the staleness; q; q^2 and 1/2 of the
    bound without delays.
    """
    inner = noise + drop * (D * (N2 + 1) / 2 + alpha * L * (D**2 * N2 / low + 2 * D * Q * high))
    bound = Bound(
        contraction ** (T - 1) * first * V0 + alpha**power * L * noise2 / (low * mu) * inner
    )
    sharper = Bound(
        without**T * V0 + ball * alpha**power * L * noise2 * noise / (low * mu * (1 + q))
    )
    above = r / (
        1 - alpha * mu
    )  # of the point z at the height mu above^2/2, up the gradient's path
    ascent = V - alpha * square / 2 - (mu * above**2 / 2 - (above - r) ** 2 / (2 * alpha))
    pl = square - 2 * mu * V
    fits, step = 1 - alpha * mu, 1 - alpha * low * mu
    rest = alpha * L * noise2 * N2 / (2 * low * mu * (1 + step))

    def instances(quick):
        for kind, capacity in (("fresh", 0), ("fifo", 5), ("fifo", 10), ("random", 5)):
            for share in (1.0, 0.3, 0.1):
                for starts in (0.0, 1.0):
                    yield case(kind, capacity, 10, share, starts=starts)
        for kappa in (1.0, 1.2):  # well conditioned, so that delay and reused noise matter
            for kind, capacity in (("stalest", 1), ("stalest", 5), ("saw", 5), ("saw", 20)):
                for starts in (0.0, 1.0):
                    yield case(kind, capacity, kappa, 1.0, starts=starts)
                yield case(kind, capacity, kappa, 1.0, noise2=0.0)
        yield case("fresh", 0, 1.0, 0.1, starts=0.0)  # a small step: the ball is alpha sigma^2/4

    def chosen(x):
        kind = ("fresh", "fifo", "random", "stalest", "saw")[int(4.999 * x[0])]
        capacity = 0 if kind == "fresh" else 1 + int(4.999 * x[1])
        sizes = {"starts": 10 ** (2 * x[3] - 1), "noise2": 10 ** (4 * x[4] - 2)}
        return case(kind, capacity, 1 + 50 * x[2] ** 2, x[5] * 0.99 + 0.01, **sizes, steps=40)

    return Theorem(
        assumptions=(Assumption("step conditions", lambda i: i.fits),),
        claims=(
            Claim("E V", lambda i: i.values, bound, instances=instances, search=Search(6, chosen)),
            Claim("E V without delays", lambda i: i.values, sharper, instances=fresh),
        ),
        hypotheses=(
            # f(z) - |z - y|^2/(2 alpha) is largest at x, of which y = x - alpha grad f(x) is the
            # step, and going up from y the root r of 2 (f - f*)/mu grows by 1 per length.
            Hypothesis("x is the largest", ascent, cases=stepped),
            Hypothesis("PL", pl, cases=stepped),
            Hypothesis("alpha mu <= 1", fits, cases=stepped),
        ),
        steps=(
            Step(
                "one step without delay",
                mu * r**2 / 2,
                (1 - alpha * mu) ** 2 * V,
                ((1, (fits, ascent)), (half * alpha, (fits, pl))),
            ),
            Step("noise", step**2 * rest + L * alpha**2 * noise2 * N2 / 2, rest),  # a fixed point
        ),
    )


MUTANTS = {
    "ball ~ alpha^(3/2)": Mutant("statement", power=sp.Rational(3, 2)),
    "no noise term": Mutant("statement", noise=0, drop=0),
    "contraction q^(5/2)": Mutant("statement", contraction=q ** sp.Rational(5, 2)),
    "no staleness": Mutant("statement", drop=0),
    "without delays: q^3": Mutant("statement", without=q**3),
    "without delays: half the ball": Mutant("statement", ball=sp.Rational(1, 4)),
    "ball x 2": Mutant("statement", weaker="second term enlarged", noise=2 * N2),
}
