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
    N2 = sup_t sum_k w_{t,k}^2.
Beware
    It does not cover selection by norm, which depends on the noise: MEM-5. On quadratics the rate
    is seen to be q^(2T), that of fresh gradients at curvature mu; for PL functions it is open, even
    for fresh ones, where the descent lemma gives 1 - 2 alpha mu (1 - alpha L/2) a step.
Checks
    exact E V of FIFO, single-gradient and random selections on quadratics; adversarial search.
Literature
    For "sum" the first step has weight 1: q^(T-1) (1 - alpha mu), as in MEM-1.
"""

import numpy as np
import sympy as sp

from freqopt.theory import Assumption, Bound, Case, Claim, Mutant, Search, Theorem
from freqopt.theory.exact.memory import Condition, expected_value
from freqopt.theory.symbols import L, alpha, mu, q

T = sp.Symbol("T", nonnegative=True)
V0, noise2, first, D, Q, N2 = sp.symbols("V0 noise2 first D Q N2", nonnegative=True)
low, high = sp.symbols("w_lo w_hi", positive=True)


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


def theorem(power=1, noise=N2, drop=1, contraction=q):
    """Parts: the power of alpha in the ball; N2; the terms of the staleness; q."""
    inner = noise + drop * (D * (N2 + 1) / 2 + alpha * L * (D**2 * N2 / low + 2 * D * Q * high))
    bound = Bound(
        contraction ** (T - 1) * first * V0 + alpha**power * L * noise2 / (low * mu) * inner
    )

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
        ),
    )


MUTANTS = {
    "ball ~ alpha^(3/2)": Mutant("statement", power=sp.Rational(3, 2)),
    "no noise term": Mutant("statement", noise=0, drop=0),
    "contraction q^(5/2)": Mutant("statement", contraction=q ** sp.Rational(5, 2)),
    "no staleness": Mutant("statement", drop=0),
    "ball x 2": Mutant("statement", weaker="second term enlarged", noise=2 * N2),
}
