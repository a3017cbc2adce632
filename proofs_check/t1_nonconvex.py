r"""T1: descent with any predictable step, the sharp form

Source
    derived here (docs/theory/descent.md, T1).
Problem
    min f(Theta) = E l(Theta; xi), every l(.; xi) L-smooth jointly in the tokens of xi; f >= f*.
Algorithm
    theta_k <- theta_k - eta_k^t g_k^t for the tokens of the sample; eta_k^t depends on the past.
Assumptions
    H1 f bounded below; H2 smoothness per sample; H3 conditional variance s_k^2 <= sigma_k^2;
    0 < eta_k^t <= 1/L.
Statement
    sum_t sum_k E[eta_k (1 - L eta_k/2) |grad_k f|^2]
        <= f(Theta^1) - E f(Theta^{T+1}) + (L/2) sum_t sum_k p_k^2 E[eta_k^2] sigma_k^2,
    with equality for f = (L/2) sum_k p_k |theta_k|^2.
Checks
    witness of the one-step inequality; exact second moments on quadratics, with equality at
    lam = L; adversarial search; ledger of the proof on the non-convex pair problem, all paths from
    the optimum, where the noise term is nearly used up.
Literature
    The paper-shaped corollaries are FA-2 to FA-4.
"""

import numpy as np
import sympy as sp

from freqopt.optimizers.cf_sgd import CFSGD
from freqopt.optimizers.fa_sgd import FASGD
from freqopt.optimizers.sgd import SGD
from freqopt.problems.pair import Pair
from freqopt.theory import (
    Assumption,
    Bound,
    Case,
    Check,
    Claim,
    Hypothesis,
    Mutant,
    Step,
    Theorem,
    total,
)
from freqopt.theory.engines.ledger import check_descent
from freqopt.theory.engines.moments import conditional_deviation
from freqopt.theory.exact import specified
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.outcomes import outcomes
from freqopt.theory.exact.tokens import Tokens, power_steps, random_tokens, token_search
from freqopt.theory.symbols import L, T, eta, half, p, s2, sigma2

fall = sp.Symbol("fall", real=True)  # f(Theta^1) - E f(Theta^{T+1})
G, M2 = sp.symbols("G M2", nonnegative=True)  # |grad_k f|^2; E|g_k|^2
FREE = power_steps(0.5, cap=1.0)


def with_fall(choose):
    def chosen(tokens, scale):
        tokens = choose(tokens, scale)
        tokens.more["fall"] = tokens.decrease()
        return tokens

    return chosen


STEPS = with_fall(FREE)
EXTREMAL = STEPS(
    Tokens(
        "lam = L = 1, p = (.7, .3), T = 4000",
        *(np.array(v) for v in ([0.7, 0.3], [1.0, 1.0], [1.0, 2.0], [0.2, 0.25], [0.0, 0.0])),
        4000,
    ),
    0.1,
)
PAIR = Pair(
    pairs={"kind": "counts", "counts": ((12, 4), (3, 1))},
    dimension=1, score="sum", loss="cosine", noise=0.3,
)  # fmt: skip


def moments_of_pairs(quick):
    """E|g_k|^2 over all samples of the pair problem at random tables, and what (F1) says of it."""
    rng, law = np.random.default_rng(5), outcomes(PAIR)
    for draw in range(5 if quick else 50):
        tables = {n: 2 * rng.standard_normal(shape) for n, shape in PAIR.shapes.items()}
        gradient, spread = PAIR.gradient(tables), conditional_deviation(PAIR, tables)
        tried = Ensemble(PAIR, SGD(lr=1.0), tables, len(law))
        tried.step(law.samples)
        for name, p_k in PAIR.constants.frequency.items():
            moved = np.sum((tried.values(name) - tables[name]) ** 2, axis=-1)
            yield Case(
                f"table {name}, draw {draw}", p=p_k, M2=law.probability @ moved,
                G=np.sum(gradient[name] ** 2, axis=1), s2=spread[name] ** 2,
                sigma2=PAIR.constants.deviation[name] ** 2,
            )  # fmt: skip


def theorem(noise=half, exponent=2, descent=half, conditional=True, rule=FASGD, options=None):
    """Parts: the noise term's factor and power of p; the factor in 1 - L eta/2; |g|^2 given k."""
    bound = Bound(fall + noise * L * T * total(p**exponent * eta**2 * sigma2))
    claim = Claim(
        "sum of squared gradients",
        lambda i: float(
            i.steps * np.sum(i.eta * (1 - float(descent) * i.eta) * i.square_gradient())
        ),
        bound,
        instances=lambda quick: random_tokens(STEPS, 100 if quick else 1000),
        extremal=EXTREMAL,
        search=token_search(STEPS),
        trivial=lambda i: float(i.steps * np.sum(i.eta * i.trivial_square_gradient())),
    )
    largest = G / p + p * s2 if conditional else G + s2  # (F1): E|g_k|^2 is at most that
    step = Step(
        "one step, token k",
        -eta * G + L / 2 * p * eta**2 * M2,
        -eta * (1 - descent * L * eta) * G + noise * L * p**exponent * eta**2 * sigma2,
        ((half, (L, p, eta**2, largest - M2)), (half, (L, p**2, eta**2, sigma2 - s2))),
    )

    def ledger(kind, specification):
        def run(context):
            steps, alpha, size = 3 if context.quick else 4, 0.25, PAIR.constants.smoothness
            given = {"lr": alpha, "horizon": steps, "smoothness": size, **(options or {})}
            made = kind(**given)
            begin = Ensemble(PAIR, made, PAIR.optimum, 1)
            return check_descent(begin, outcomes(PAIR), specification(alpha, steps, size), steps)

        return run

    return Theorem(
        assumptions=(
            Assumption("0 < eta_k <= 1/L", lambda i: i.eta.min() > 0 and i.eta.max() <= 1),
            Assumption("lam_k <= L", lambda i: i.curvature.max() <= i.smoothness),
            Assumption("sum p = 1", lambda i: abs(i.p.sum() - 1) < 1e-12),
        ),
        claims=(claim,),
        hypotheses=(
            Hypothesis("(F1)", G / p + p * s2 - M2, cases=moments_of_pairs),
            Hypothesis("s_k^2 <= sigma_k^2", sigma2 - s2, cases=moments_of_pairs),
        ),
        steps=(step,),
        checks=(
            Check("ledger", "FA-SGD, all paths", ledger(FASGD, specified.fa_sgd)),
            Check("ledger", "CF-SGD, all paths", ledger(CFSGD, specified.cf_sgd)),
        ),
    )


MUTANTS = {
    "noise -5 %": Mutant("statement", noise=sp.Rational(19, 40)),
    "noise halved": Mutant("statement", noise=sp.Rational(1, 4)),
    "p^3 in the noise": Mutant("statement", exponent=3),
    "p^1 in the noise (p <= 1)": Mutant("statement", weaker="p_k^2 <= p_k", exponent=1),
    "1 - L eta/4": Mutant("statement", descent=sp.Rational(1, 4)),
    "|g|^2 not conditional": Mutant("proof", conditional=False),
    "cap dropped": Mutant("implementation", options={"cap": "none"}),
}
