r"""FA-10: CF-SGD with a known horizon, first moment

Source
    derived here (docs/theory/frequency.md, FA-10; docs/theory/descent.md, T-CF).
Problem
    As FA-4, the frequencies unknown.
Algorithm
    eta_k^t = min{1/(4L), alpha / sqrt(T c_k^t/t)}, c_k^t counting the present visit too.
Assumptions
    H1, H2 (L), H3 (sigma_k).
Statement
    (E|grad_k f(Theta^tau)|)^2
        <= (8/(7T)) (Delta + L alpha^2 A1/2) (4L + sqrt(T p_k)/alpha).
    No burn-in is added: what the first visits cost is within the factor 8/7, and a token that is
    seldom visited is bounded by smoothness alone.
    On the way: E eta^2 <= alpha^2 (1 - (1-p)^t)/(T p); E[1/eta] <= 4L + (sqrt T/alpha)(sqrt p +
    t^(-1/2)); (E|g|)^2 <= E[eta |g|^2] E[1/eta]. These alone give the bound
    with 2/alpha added.
Beware
    The left side is a squared first moment. A counter that leaves the present visit out breaks the
    noise line without bound.
Checks
    witness of the four cases of visits and steps, their means exact; counter programme, exactly:
    the lines of the proof with noise, the statement without; all paths of the non-convex pair
    problem with the project's rule; adversarial search; one noisy token over horizons of up
    to 3 million steps, sampled.
Literature
    The same leading term as FA-SGD: counting costs nothing in it.
"""

import numpy as np
import sympy as sp

from freqopt.optimizers.cf_sgd import CFSGD
from freqopt.problems.pair import Pair
from freqopt.theory import Assumption, Bound, Case, Claim, Mutant, Theorem
from freqopt.theory.engines.enumeration import random_iterate
from freqopt.theory.exact.burn_in import proof
from freqopt.theory.exact.counters import (
    CountedTokens,
    counted_search,
    excluded_step,
    horizon_step,
    random_counted,
)
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.lone import noisy_check
from freqopt.theory.exact.outcomes import outcomes
from freqopt.theory.symbols import A1, Delta, L, T, alpha, half, p

PAIR = Pair(
    pairs={"kind": "counts", "counts": ((12, 4), (3, 1))},
    dimension=1, score="sum", loss="cosine", noise=0.6, spread=1.5,
)  # fmt: skip


HYPOTHESES, STEPS = proof()


def path_cases(steps, options):
    constants = PAIR.constants
    size, gap = constants.smoothness, PAIR.objective(PAIR.start(0, 0)) - constants.optimum_value
    frequency = np.concatenate([constants.frequency[n] for n in "uv"])
    for rate in (0.05, 0.25, 1.0):
        rule = CFSGD(lr=rate, horizon=steps, smoothness=size, **options)
        begin = Ensemble(PAIR, rule, PAIR.start(0, 0), 1)
        yield Case(
            f"pair problem, T = {steps}, alpha = {rate}",
            begin=begin, steps=steps,
            L=size, T=float(steps), alpha=rate, p=frequency, Delta=gap,
            A1=float(frequency.sum()),  # sigma <= 1
        )  # fmt: skip


def on_paths(case):
    return random_iterate(case.begin, outcomes(PAIR), case.steps, 1) ** 2


def theorem(
    constant=sp.Rational(8, 7), noise=half, burn=0, power=half, horizon=1,
    step=horizon_step, square=1.0, options=None,
):  # fmt: skip
    """Parts: 8/7, 1/2, a burn-in over alpha, powers of p_k and T; step; factor of E eta^2."""
    bracket = constant / T**horizon * (Delta + noise * L * alpha**2 * A1)
    bound = Bound(bracket * (4 * L + burn / alpha + sp.sqrt(T) * p**power / alpha))

    def make(rate, steps):
        return step(rate, steps, 0.25)

    def second_moment(i):
        """E eta^2 over its bound, the worst step t."""
        t = np.arange(1, i.steps + 1)[:, None]
        allowed = i.alpha**2 * -np.expm1(t * np.log1p(-i.p)) / (i.steps * i.p)
        return np.max(i.moments.step_square / allowed, axis=0)

    def inverse(i):
        t = np.arange(1, i.steps + 1)[:, None]
        allowed = 4 + np.sqrt(i.steps) / i.alpha * (np.sqrt(i.p) + np.sqrt(1 / t))
        return np.max(i.moments.inverse_step / allowed, axis=0)

    def cauchy(i):
        m = i.distances
        return np.max(m.square**2 / (i.moments.step_times_square * m.inverse_step), axis=0)

    def noisy(quick):
        return random_counted(make, 20 if quick else 200)

    def quiet(quick):
        yield from random_counted(make, 20 if quick else 200, noise=False)
        yield CountedTokens(
            "a rare token half way, T = 400",
            np.array([0.9, 0.1]), np.ones(2), np.zeros(2), np.array([1e-6, 1.0]), 400,
            make(0.1, 400), 0.1,
        )  # fmt: skip

    return Theorem(
        assumptions=(Assumption("lam_k <= L", lambda i: np.max(getattr(i, "curvature", 0)) <= 1),),
        claims=(
            Claim(
                "(8.1), no noise",
                lambda i: i.squared_first_moment(),
                bound,
                instances=quiet,
                search=counted_search(make, noise=False),
                trivial=lambda i: (i.p * i.curvature) ** 2 * i.R2,
            ),
            Claim(
                "(8.1), all paths",
                on_paths,
                bound,
                instances=lambda quick: path_cases(4 if quick else 5, options or {}),
            ),
            Claim("E eta^2", second_moment, lambda i: square, "upper", noisy),
            Claim("E[1/eta]", inverse, lambda i: 1.0, "upper", noisy),
            Claim("Cauchy-Schwarz", cauchy, lambda i: 1.0, "upper", quiet),
        ),
        hypotheses=HYPOTHESES,
        steps=STEPS,
        checks=(
            noisy_check(
                "(8.1), no noise",
                bound,
                lambda rate, steps, _: step(rate, steps, 0.25),
                ((p, round(300 / p), 0.3, 1) for p in (0.02, 1e-3, 1e-4)),
            ),
        ),
    )


MUTANTS = {
    "8/7 -> 1/3": Mutant("statement", constant=sp.Rational(1, 3)),
    "T^2 for T": Mutant("statement", horizon=2),
    "p_k for sqrt(p_k)": Mutant("statement", power=1),
    "2/alpha added": Mutant("statement", weaker="2/alpha > 0", burn=2),
    "E eta^2 halved": Mutant("proof", square=0.5),
    "counter before the visit": Mutant("implementation", step=excluded_step),
    "8/7 -> 2": Mutant("statement", weaker="2 > 8/7", constant=2),
}
