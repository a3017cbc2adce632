r"""MEM-1: linear convergence for any selection and any positive combination

Source
    derived here (docs/theory/memory.md, MEM-1).
Problem
    min f, L-smooth and mu-PL: |grad f|^2 >= 2 mu (f - f*). V_t = f(theta_t) - f*.
Algorithm
    theta <- theta - alpha sum_k w_{t,k} (grad f(theta_{t-d_k}) + xi_{t-d_k}); weights and delays
    d_k <= min(t, K) are chosen by anybody at each step.
Assumptions
    total weight in [w_lo, w_hi], w_lo > 0; |xi| <= sigma; and, q = 1 - alpha w_lo mu in (0, 1),
    (C1) 1/w_hi - L alpha >= (1+eta) alpha^2 L^2 (D/w_lo) sum_i omega_i q^-i, where omega_i bounds
    the weight on delays >= i and D = sum_i omega_i.
Statement
    V_T <= q^T V_0 + (1 + 1/eta) (W^2/w_lo^2) sigma^2/(2 mu). For aggregations whose first step has
    weight 1 and the others 2 ("sum"), q^(T-1) (1 - alpha mu) takes the place of q^T.
Beware
    Bounded delays, a positive total weight and a step tied to K are needed; "regardless of how they
    are combined" is false without them. The ball does not shrink with the step.
Checks
    witness of the one-step line; quadratics of condition number 1 (where q^T is attained at T = 4)
    to 100 under seven adversaries;
    constant worst-direction noise, which uses the ball up to 1/(1+1/eta); worst cases over all
    functions and all selections (needs PEPit).
Literature
    The paper's theorem is known by two sentences of its abstract only.
"""

import numpy as np
import sympy as sp

from freqopt.theory import (
    Assumption,
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
from freqopt.theory.exact.functions import points
from freqopt.theory.exact.memory import Condition, greedy, mixture, one, run, with_current
from freqopt.theory.symbols import L, alpha, half, mu, q

T = sp.Symbol("T", nonnegative=True)
V0, sigma2, first = sp.symbols("V0 noise2 first", nonnegative=True)
split, ball = sp.symbols("split ball", positive=True)  # 1 + 1/eta; W^2/w_lo^2
SPECTRUM = 6


def condition(kind, kappa, oldest, eta=0.0):
    weight = 2.0 if kind == "sum" else 1.0
    return Condition(oldest, weight, weight, np.ones(oldest), 1 / kappa, eta=eta)


def case(kind, kappa, oldest, adversary, *, scale=1.0, eta=0.0, noise=0.0, start=None, T=60):
    """One run with the largest step that (C1) allows, times `scale`."""
    rule = condition(kind, kappa, oldest, eta)
    step = scale * rule.largest_step()
    hessian = np.geomspace(1 / kappa, 1, SPECTRUM)
    x0 = np.ones(SPECTRUM) if start is None else start
    weight = 1.0 if kind == "one" else 2.0
    inner = {
        "fresh": one([0]),
        "stalest": one([oldest]),
        "greedy": greedy(hessian, step, oldest, weight),
        "bang-bang": one([0] * 2 + [oldest] * 2),
        "saw": one(list(range(oldest + 1))),
        "half-period": one([0, oldest]),
        "mixture": mixture(oldest, 7),
    }[adversary]
    select = inner if kind == "one" else with_current(inner)
    push = (lambda t, x: -noise * np.eye(SPECTRUM)[0]) if noise else None
    values = run(hessian, x0, step, T, select, push)
    return Case(
        f"{kind}, kappa = {kappa}, K = {oldest}, {adversary}, {scale} x the step, noise {noise}",
        values=values[1:], V0=values[0], T=np.arange(1.0, T + 1), alpha=step, mu=1 / kappa,
        q=rule.contraction(step), noise2=noise**2, condition=rule, ball=1.0,
        split=1 + 1 / eta if eta else 1.0,
        first=1 - step / kappa if kind == "sum" else rule.contraction(step),
    )  # fmt: skip


def selections(quick):
    """Points of functions, and total weights of weighted selections between w_lo and w_hi."""
    rng = np.random.default_rng(3)
    for point in points(40 if quick else 400):
        weights = rng.uniform(0.5, 2, 4)
        values = {**point.letters(), "g2": point.gg, "V": point.df, "S": weights.sum()}
        yield Case(point.name, **values, w_lo=4 * weights.min(), w_hi=4 * weights.max())


ADVERSARIES = ("fresh", "stalest", "greedy", "bang-bang", "saw", "half-period", "mixture")


def theorem(scale=1.0, contraction=q, cushion=1, factor=half, high=1):
    """Parts: the step over (C1)'s; q; the ball's factor; the 1/2 of the polarisation; w_hi."""
    bound = contraction ** (T - 1) * first * V0 + cushion * split * ball * sigma2 / (2 * mu)

    def quiet(quick):
        for kind in ("one", "sum"):
            for kappa in (2, 10, 100):
                for oldest in (1, 3, 10):
                    for adversary in ADVERSARIES if not quick else ADVERSARIES[:4]:
                        yield case(kind, kappa, oldest, adversary, scale=scale)
        for kappa in (1.0, 1.2):  # q = 1/2 and nearly so: half of it is the delayed run's own rate
            yield case("one", kappa, 1, "stalest", scale=scale)

    def noisy(quick):
        for kind in ("one", "sum"):
            for eta in (1.0, 10.0):
                for oldest in (1, 3):
                    yield case(kind, 10, oldest, "stalest", scale=scale, eta=eta, noise=0.3, T=200)

    def chosen(point):
        kappa, oldest = 2 + 98 * point[0], 1 + int(4 * point[1] * 0.999)
        kind = "one" if point[2] < 0.5 else "sum"
        adversary = ADVERSARIES[int(len(ADVERSARIES) * 0.999 * point[3])]
        return case(kind, kappa, oldest, adversary, scale=scale, start=2 * point[4:] - 1, T=30)

    g2, U, V, D, S, lo, hi = sp.symbols("g2 U V D S w_lo w_hi", nonnegative=True)
    inner = (S**2 * g2 + U - D) / (2 * S)  # <g, u> by polarisation, D = |u - S g|^2
    step = Step(
        "one step",
        -alpha * inner + L * alpha**2 * U / 2,
        -alpha * S * mu * V - alpha * factor * (1 / hi - L * alpha) * U + alpha * D / (2 * lo),
        (
            (half, (alpha, S, g2 - 2 * mu * V)),
            (half, (alpha, U, high / S - high / hi)),
            (half, (alpha, D, 1 / lo - 1 / S)),
        ),
    )

    def every_selection(context):
        from freqopt.theory.engines.worst_case import ACCURACY, patterns, with_memory

        worst = None
        for kappa, oldest, steps in ((10, 1, 5), (10, 2, 4)):
            rule = condition("one", kappa, oldest)
            step = scale * rule.largest_step()
            limit = rule.contraction(step) ** steps
            for delays in patterns(steps, oldest):
                choice = [{t - d: 1.0} for t, d in enumerate(delays)]
                found = with_memory(choice, step, 1 / kappa)
                if worst is None or found / limit > worst.ratio:
                    word = Word.REFUTED if found > limit * (1 + ACCURACY) else Word.EXACT
                    worst = Verdict(
                        "", "", "", word, measured=found, bound=limit, ratio=found / limit,
                        witness=f"kappa = {kappa}, K = {oldest}, delays {delays}",
                    )  # fmt: skip
        return worst

    return Theorem(
        assumptions=(
            Assumption("(C1)", lambda i: i.condition.slack(i.alpha / scale) >= -1e-9),
            Assumption("0 < q < 1", lambda i: 0 < i.q < 1),
        ),
        claims=(
            Claim(
                "no noise", lambda i: i.values, Bound(bound),
                instances=quiet, search=Search(4 + SPECTRUM, chosen), trivial=lambda i: i.V0,
            ),
            Claim(
                "bounded noise", lambda i: i.values, Bound(bound),
                instances=noisy,
                extremal=case("one", 10, 1, "stalest", scale=scale, eta=30.0, noise=1.0, T=4000),
            ),
        ),
        hypotheses=(
            Hypothesis("PL: |g|^2 >= 2 mu V", g2 - 2 * mu * V, cases=selections),
            Hypothesis("S <= w_hi", 1 / S - 1 / hi, cases=selections),
            Hypothesis("S >= w_lo", 1 / lo - 1 / S, cases=selections),
        ),
        steps=(step,),
        checks=(Check("worst case", "every selection", every_selection, slow=True, needs="PEPit"),),
    )  # fmt: skip


MUTANTS = {
    "three times the step of (C1)": Mutant("statement", scale=3.0),
    "contraction q^2": Mutant("statement", contraction=q**2),
    "contraction q^(21/20)": Mutant("statement", contraction=q ** sp.Rational(21, 20)),
    "the ball halved": Mutant("statement", cushion=half),
    "no ball": Mutant("statement", cushion=0),
    "polarisation without its 1/2": Mutant("proof", factor=1),
    "w_hi twice as small": Mutant("proof", high=2),
    "sqrt(q)": Mutant("statement", weaker="q < sqrt(q) < 1", contraction=sp.sqrt(q)),
}
