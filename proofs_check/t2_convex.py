r"""T2: convex losses of tokens that do not interact

Source
    derived here (theory/verification.md, T2).
Problem
    f(Theta) = sum_k p_k F_k(theta_k), F_k convex and L-smooth; R_k = |theta_k^1 - theta_k*|.
Algorithm
    SGD with fixed steps eta_k <= 1/L; output the average of the first T iterates.
Assumptions
    F_k convex, L-smooth; additive noise with E xi = 0, E|xi|^2 <= sigma_k^2; eta_k <= 1/L.
Statement
    E f(Thetabar) - f* <= (1/(2T)) sum_k R_k^2/eta_k + (1/2) sum_k p_k eta_k sigma_k^2. Over all
    diagonal steps it is least at eta_k = R_k/(sigma_k sqrt(T p_k)).
Checks
    witness; exact averaged iterates on quadratics; the worst case over all functions of the class
    (worst case, needs PEPit): without noise the bound is attained at eta = 1/L.
Literature
    Half the constants of FA-18, which allows coupled tokens. Quadratics alone cannot falsify them.
"""

from dataclasses import replace

import numpy as np
import sympy as sp

from freqopt.theory import (
    Assumption,
    Bound,
    Check,
    Claim,
    Mutant,
    Step,
    Theorem,
    Verdict,
    Word,
    total,
)
from freqopt.theory.exact.tokens import power_steps, random_tokens, token_search
from freqopt.theory.symbols import R2, L, T, eta, half, p, sigma2

ee, gg, ge, df = sp.symbols("ee gg ge df", nonnegative=True)  # |e|^2, |F'|^2, <F', e>, F - F*
STEPS = power_steps(0.5, cap=1.0)


def theorem(first=half, second=half, horizon=1, power=1, cap=1):
    """Parts: both halves; powers of T and p_k; the cap times L."""
    per_token = first * R2 / eta / T**horizon + second * p**power * eta * sigma2
    bound = Bound(total(per_token))

    def value(i):
        return float(np.sum(i.p * i.curvature * i.average()) / 2)

    def at_start(i):
        return float(np.sum(i.p * i.curvature * np.maximum(i.R2, i.eta * i.sigma2)) / 2)

    def best_value(i):
        return float(bound(replace(i, eta=np.sqrt(i.R2 / (i.sigma2 * i.steps * i.p))).letters()))

    def attained(context):
        from freqopt.theory.engines.worst_case import ACCURACY, averaged_descent

        worst = None
        for steps, rate in ((1, 1.0), (3, 1.0), (6, 1.0), (6, 0.25)):
            found = averaged_descent(steps, rate)
            limit = float(sp.N(per_token.subs({p: 1, R2: 1, eta: rate, T: steps, sigma2: 0})))
            if worst is None or found / limit > worst.ratio:
                word = Word.REFUTED if found > limit * (1 + ACCURACY) else Word.TIGHT
                worst = Verdict(
                    "", "", "", word, measured=found, bound=limit, ratio=found / limit,
                    witness=f"p = 1, no noise, T = {steps}, eta = {rate}",
                )  # fmt: skip
        return worst

    def noisy(context):
        from freqopt.theory.engines.worst_case import ACCURACY, lazy_token

        worst = None
        for steps in (1, 2, 3):
            for chance in (1.0, 0.5):
                for noise in (0.09, 1.0):
                    found = lazy_token(steps, chance, 1.0, noise)
                    values = {p: chance, R2: 1, eta: 1, T: steps, sigma2: noise}
                    limit = float(sp.N(per_token.subs(values)))
                    if worst is None or found / limit > worst.ratio:
                        word = Word.REFUTED if found > limit * (1 + ACCURACY) else Word.EXACT
                        worst = Verdict(
                            "", "", "", word, measured=found, bound=limit, ratio=found / limit,
                            witness=f"p = {chance}, sigma^2 = {noise}, T = {steps}, eta = 1",
                        )  # fmt: skip
        return worst

    return Theorem(
        assumptions=(
            Assumption("lam_k <= L", lambda i: i.curvature.max() <= 1),
            Assumption("eta_k <= 1/L", lambda i: i.eta.max() <= 1),
        ),
        claims=(
            Claim(
                "averaged iterate",
                value,
                bound,
                instances=lambda quick: random_tokens(STEPS, 100 if quick else 1000),
                search=token_search(STEPS),
                trivial=at_start,
            ),
            Claim(
                "the best steps",
                best_value,
                lambda i: float(bound(i.letters())),
                "upper",
                lambda quick: random_tokens(STEPS, 20 if quick else 200, seed=3),
            ),
        ),
        steps=(
            Step(  # E|e'|^2/eta, with <F', e> >= F - F* + |F'|^2/(2L)
                "one step of one token",
                ee / eta - 2 * p * ge + eta * p * (gg + sigma2),
                ee / eta - p * df / first + 2 * second * eta * p**power * sigma2,
                ((2, (p, ge - df - gg / (2 * L))), (1, (p, gg, cap / L - eta))),
            ),
        ),
        checks=(
            Check("worst case", "no noise, every function", attained, needs="PEPit"),
            Check("worst case", "noise, every function", noisy, needs="PEPit"),
        ),
    )


MUTANTS = {
    "R^2/4": Mutant("statement", first=sp.Rational(1, 4)),
    "R^2 x 0.49": Mutant("statement", first=sp.Rational(49, 100)),
    "noise / 4": Mutant("statement", second=sp.Rational(1, 8)),
    "T^2 for T": Mutant("statement", horizon=2),
    "p_k^2 in the noise": Mutant("statement", power=2),
    "cap 2/L": Mutant("proof", cap=2),
    "1/2 -> 1": Mutant("statement", weaker="both terms doubled", first=1, second=1),
}
