r"""MEM-10: quadratics with kappa < 1 tolerate any staleness

Source
    derived here (docs/theory/memory.md, MEM-10).
Problem
    f quadratic with eigenvalues h in [mu, L].
Algorithm
    direction grad f(theta_t) + kappa (any convex combination of gradients of delay <= K),
    0 <= kappa < 1, alpha <= 1/L.
Assumptions
    as above; the step does not depend on K.
Statement
    For each coordinate |e_t| <= (1 - alpha h (1 - kappa))^floor(t/(K+1)) |e_0|.
Beware
    At the official kappa = 1 only non-expansion is left, and for functions that are not quadratic
    even that fails: the real SGD_C rule has worst case 1.003 of f - f* after six steps at
    alpha L = 1/2 (condition number 10).
Checks
    witness of the one-step line; greedy, stalest, periodic and random choices; adversarial search;
    the worst case of the real rule over all functions (needs PEPit).
Literature
    Explains why "sum" diverges near alpha L = 1 whatever K.
"""

import numpy as np
import sympy as sp

from freqopt.theory import (
    Bound,
    Case,
    Check,
    Claim,
    Hypothesis,
    Mutant,
    Search,
    Step,
    Theorem,
    Verdict,
    Word,
)
from freqopt.theory.symbols import alpha, half

h, kappa, age = sp.symbols("h kappa K", nonnegative=True)
time = sp.Symbol("t", nonnegative=True)
newest, window = sp.symbols("e M", nonnegative=True)  # |e_t|; largest |e| in the window


def trajectory(h, alpha, kappa, oldest, delays, name):
    e = [1.0]
    for t, delay in enumerate(delays):
        stale = e[max(0, t - min(delay, oldest))]
        e.append((1 - alpha * h) * e[t] - kappa * alpha * h * stale)
    return Case(
        name, size=np.abs(e), t=np.arange(len(e), dtype=float), h=h, alpha=alpha, kappa=kappa,
        K=float(oldest),
    )  # fmt: skip


def in_window(c):
    """|e_t| and the largest of |e_{t-K}| .. |e_t|."""
    ends = range(len(c.size))
    return {"e": c.size, "M": np.array([c.size[max(0, t - int(c.K)) : t + 1].max() for t in ends])}


def greedy(h, alpha, kappa, oldest, steps):
    e, chosen = [1.0], []
    for t in range(steps):
        after = [
            abs((1 - alpha * h) * e[t] - kappa * alpha * h * e[t - d])
            for d in range(min(t, oldest) + 1)
        ]
        chosen.append(int(np.argmax(after)))
        e.append((1 - alpha * h) * e[t] - kappa * alpha * h * e[t - chosen[-1]])
    return chosen


def theorem(rate=1, windows=1, kappas=(0.3, 0.9, 1.0), mixed=1):
    """Parts: factors of alpha h and of floor(t/(K+1)); the kappas; kappa in the one-step line."""
    bound = Bound((1 - rate * alpha * h * (1 - kappa)) ** (windows * sp.floor(time / (age + 1))))

    def instances(quick):
        rng = np.random.default_rng(18)
        steps = 60 if quick else 400
        for kappa in kappas:
            for oldest in (1, 5, 30):
                for a, curvature in ((1.0, 1.0), (1.0, 0.1), (0.5, 1.0)):
                    plans = {
                        "greedy": greedy(curvature, a, kappa, oldest, steps),
                        "stalest": [oldest] * steps,
                        "saw": [t % (oldest + 1) for t in range(steps)],
                        "random": rng.integers(0, oldest + 1, steps),
                    }
                    for name, plan in plans.items():
                        label = f"{name}, kappa = {kappa}, K = {oldest}, alpha h = {a * curvature}"
                        yield trajectory(curvature, a, kappa, oldest, plan, label)

    def chosen(x):
        oldest = 1 + int(4.999 * x[0])
        delays = (x[3:] * (oldest + 0.999)).astype(int)
        label = f"kappa = {x[1]:.3g}, alpha h = {x[2]:.3g}, delays {delays}"
        return trajectory(x[2], 1.0, 0.999 * x[1] * max(kappas), oldest, delays, label)

    def real_rule(context):
        from freqopt.theory.engines.worst_case import critical_gradient

        found, branch = critical_gradient(6, 0.5, 0.1)
        word = Word.EXACT if found > 1 else Word.REFUTED
        return Verdict(
            "", "", "", word, kind="lower", measured=found, bound=1.0, ratio=1 / found,
            witness=f"f_6/f_0 of SGD_C, C = 1, alpha L = 1/2, branch {branch}",
        )  # fmt: skip

    return Theorem(
        claims=(
            Claim(
                "distance of a coordinate",
                lambda c: c.size,
                bound,
                "upper",
                instances,
                search=Search(13, chosen),
                trivial=lambda c: 1.0,  # |e_0|
            ),
        ),
        hypotheses=(
            Hypothesis("alpha h <= 1", 1 - alpha * h),
            Hypothesis("|e_t| is one of the window", window - newest, in_window),
        ),
        steps=(
            Step(
                "one step",
                (1 - alpha * h) * newest + kappa * alpha * h * window,
                (1 - alpha * h * (1 - mixed * kappa)) * window,
                ((1, (1 - alpha * h, window - newest)),),
            ),
        ),
        checks=(Check("worst case", "the real rule expands", real_rule, needs="PEPit"),),
    )


MUTANTS = {
    "floor(8 t/(K+1))": Mutant("statement", windows=8),
    "twice the rate": Mutant("statement", rate=2),
    "kappa = 1.5": Mutant("statement", kappas=(1.5,)),
    "one step without the memory": Mutant("proof", mixed=half),
}
