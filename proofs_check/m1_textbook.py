r"""M1: the textbook bound for delayed gradients

Source
    derived here (docs/theory/memory.md, M1).
Problem
    min f, mu-strongly convex and L-smooth; r_t = |x_t - x*|^2.
Algorithm
    x <- x - eta (any convex combination of gradients of age <= K), started at a constant history.
Assumptions
    q = 1 - eta mu + eta^2 L^2 K < 1.
Statement
    r_{t+1} <= (1 - eta mu) r_t + eta^2 L^2 K max_{j <= 2K} r_{t-j}, hence r_t <= q^(t/(2K+1)) r_0.
Beware
    Useful only for eta < mu/(L^2 K): a hundred times smaller than M2's certified steps at condition
    number 100.
Checks
    the recursion and the rate on quadratics under adversaries, and by search.
Literature
    What M2 improves on.
"""

import numpy as np
import sympy as sp

from freqopt.theory import Assumption, Bound, Case, Claim, Mutant, Search, Theorem
from freqopt.theory.symbols import L, eta, mu

K, time, ages = sp.symbols("K t ages", nonnegative=True)
r, worst = sp.symbols("r worst", nonnegative=True)  # r_t; its maximum over the window


def case(kappa, oldest, share, delays, start, name):
    """Share x the largest useful step mu/(L^2 K)."""
    step = share / (kappa * oldest)
    hessian = np.geomspace(1 / kappa, 1, len(start))
    x, squares = [start], [float(start @ start)]
    for t, delay in enumerate(delays):
        x.append(x[t] - step * hessian * x[max(0, t - min(delay, oldest))])
        squares.append(float(x[-1] @ x[-1]))
    squares = np.array(squares)
    window = [squares[max(0, t - 2 * oldest) : t + 1].max() for t in range(len(delays))]
    return Case(
        f"{name}, kappa = {kappa:.3g}, K = {oldest}, {share:.3g} of mu/(L^2 K)",
        squares=squares, next=squares[1:], r=squares[:-1], worst=np.array(window), r0=squares[0],
        t=np.arange(len(squares), dtype=float), K=float(oldest), eta=step, mu=1 / kappa, L=1.0,
    )  # fmt: skip


def theorem(drift=1, stale=1, window=2 * K + 1):
    """Parts: the factors of eta mu and of eta^2 L^2 K; the length of the window."""
    q = 1 - drift * eta * mu + stale * eta**2 * L**2 * K

    def instances(quick):
        rng = np.random.default_rng(21)
        for kappa in (2, 10, 100):
            for oldest in (1, 3, 10):
                for share in (0.2, 0.5, 0.9):
                    steps = 60 if quick else 400
                    plans = {
                        "fresh": [0] * steps,
                        "stalest": [oldest] * steps,
                        "saw": [t % (oldest + 1) for t in range(steps)],
                        "random": rng.integers(0, oldest + 1, steps),
                    }
                    for name, plan in plans.items():
                        yield case(kappa, oldest, share, plan, np.ones(4), name)

    def chosen(x):
        oldest = 1 + int(3.999 * x[0])
        delays = (x[6:] * (oldest + 0.999)).astype(int)
        start = 2 * x[3:6] - 1 + 1e-6
        return case(1 + 100 * x[1] + 1e-3, oldest, 0.999 * x[2] + 1e-3, delays, start, "search")

    return Theorem(
        assumptions=(Assumption("q < 1", lambda c: c.eta * c.mu > c.eta**2 * c.K),),
        claims=(
            Claim(
                "one step",
                lambda c: c.next,
                Bound((1 - drift * eta * mu) * r + stale * eta**2 * L**2 * K * worst),
                "upper",
                instances,
                search=Search(18, chosen),
            ),
            Claim(
                "rate",
                lambda c: c.squares / c.r0,
                Bound(q ** (time / window)),
                "upper",
                instances,
                search=Search(18, chosen),
            ),
        ),
    )


MUTANTS = {
    "twice the drift, no staleness": Mutant("statement", drift=2, stale=0),
    "three times the drift": Mutant("statement", drift=3),
    "window 1": Mutant("statement", window=sp.Rational(1, 4)),
    "staleness x 2": Mutant("statement", weaker="right side enlarged", stale=2),
}
