r"""FA-4: FA-SGD, rate of every token

Source
    derived here (docs/theory/frequency.md, FA-4).
Problem
    min f(Theta) = E l(Theta; xi), Delta = f(Theta^1) - f*, A1 = sum_k p_k sigma_k^2.
Algorithm
    FA-SGD: eta_k = min{1/(4L), alpha / sqrt(T p_k)}; output Theta^tau, tau uniform on 1..T.
Assumptions
    H1, H2 (L), H3 (sigma_k).
Statement
    (c) sum_k E|grad_k f|^2 / (4L + sqrt(T p_k)/alpha) <= (8/(7T)) (Delta + L alpha^2 A1/2);
    (b) for every k, E|grad_k f|^2 <= (8/(7T)) (Delta + L alpha^2 A1/2) (4L + sqrt(T p_k)/alpha);
    (a) with alpha = sqrt(2 Delta/(L A1)),
        E|grad_k f|^2 <= (64/7) L Delta/T + (8 sqrt 2/7) sqrt(p_k) sqrt(L Delta A1/T);
    under FA-1b in place of H2, with alpha = sqrt(Delta/(L A1)),
        E|grad_k f|^2 <= (32/3) L Delta/T + (8/3) sqrt(p_k) sqrt(L Delta A1/T).
Beware
    A bound for one token's gradient is above what is trivially true for rare tokens: with unit
    constants it says something only for T > 4/p_k^3 (the vacuity column).
Checks
    witnesses: FA-2 with this step, and (a) from (b); exact second moments; adversarial search.
Literature
    The step is a working definition: the paper's algorithm box was not available.
"""

from dataclasses import replace

import numpy as np
import sympy as sp

from freqopt.theory import Assumption, Bound, Claim, Hypothesis, Mutant, Step, Theorem
from freqopt.theory.exact.tokens import power_steps, random_tokens, token_search
from freqopt.theory.symbols import A1, Delta, L, T, alpha, eta, half, p, sigma2

G = sp.Symbol("G", nonnegative=True)
inverse = sp.Symbol("inverse_eta", positive=True)
GENERAL = power_steps(0.5, cap=0.25)


def tuned(tokens, scale):
    tokens = replace(tokens, R2=tokens.R2 * scale)
    return GENERAL(tokens, np.sqrt(2 * tokens.gap / tokens.letters()["A1"]))


def theorem(
    constant=sp.Rational(8, 7),
    noise=half,
    power=half,
    horizon=1,
    second=8 * sp.sqrt(2) / 7,
    variant=sp.Rational(8, 3),
):
    """Parts: 8/7, the noise's 1/2, the powers of p_k and T, the constants of (a) and FA-1b."""
    bracket = constant / T**horizon * (Delta + noise * L * alpha**2 * A1)
    slow = 4 * L + sp.sqrt(T) * p**power / alpha  # at least 1/eta_k
    tuned_bound = sp.Rational(64, 7) * L * Delta / T + second * p**power * sp.sqrt(
        L * Delta * A1 / T
    )
    best = sp.sqrt(2 * Delta / (L * A1))
    of_p = {"instances": lambda quick: random_tokens(GENERAL, 100 if quick else 1000)}
    return Theorem(
        assumptions=(Assumption("lam_k <= L", lambda i: i.curvature.max() <= 1),),
        claims=(
            Claim(
                "(c) joint",
                lambda i: float(np.sum(i.square_gradient() / joint_weight(i))),
                Bound(bracket),
                **of_p,
                search=token_search(GENERAL),
                trivial=lambda i: float(np.sum(i.trivial_square_gradient() / joint_weight(i))),
            ),
            Claim(
                "(b) per token",
                lambda i: i.square_gradient(),
                Bound(bracket * slow),
                **of_p,
                search=token_search(GENERAL),
                trivial=lambda i: i.trivial_square_gradient(),
            ),
            Claim(
                "(a) tuned alpha",
                lambda i: i.square_gradient(),
                Bound(tuned_bound),
                instances=lambda quick: random_tokens(tuned, 100 if quick else 1000),
                search=token_search(tuned),
                trivial=lambda i: i.trivial_square_gradient(),
            ),
        ),
        hypotheses=(
            Hypothesis(
                "1/eta_k <= 4L + sqrt(T p_k)/alpha", 4 * L + sp.sqrt(T * p) / alpha - 1 / eta
            ),
            Hypothesis("p_k eta_k^2 <= alpha^2/T", alpha**2 - T * p * eta**2),
        ),
        steps=(
            Step(  # one term of (7.1): T eta_k G <= (8/7)(Delta + L alpha^2 A1/2) =: T * bracket
                "(c): 1/eta_k <= 4L + sqrt(T p_k)/alpha",
                G / (4 * L + sp.sqrt(T * p) / alpha),
                G
                * eta
                * (4 * L + sp.sqrt(T) * p**power / alpha)
                / (4 * L + sp.sqrt(T * p) / alpha),
                (
                    (
                        1,
                        (
                            G,
                            eta / (4 * L + sp.sqrt(T * p) / alpha),
                            4 * L + sp.sqrt(T * p) / alpha - 1 / eta,
                        ),
                    ),
                ),
            ),
            Step(
                "noise: p_k eta_k^2 <= alpha^2/T",
                L / 2 * T * p * (p * eta**2) * sigma2,
                noise * L * alpha**2 * p * sigma2,
                ((half, (L, p, sigma2, alpha**2 - T * p * eta**2)),),
            ),
            Step("(a) from (b)", (bracket * slow).subs(alpha, best), tuned_bound),
            Step(  # FA-2's variant (7.1b) for L alpha^2 A1/2
                "variant from (7.1b)",
                (sp.Rational(4, 3) / T * (Delta + L * alpha**2 * A1) * slow).subs(
                    alpha, sp.sqrt(Delta / (L * A1))
                ),
                sp.Rational(32, 3) * L * Delta / T
                + variant * sp.sqrt(p) * sp.sqrt(L * Delta * A1 / T),
            ),
        ),
    )


def joint_weight(instance):
    return 4 + np.sqrt(instance.steps * instance.p) / instance.more["alpha"]


MUTANTS = {
    "T^2 for T": Mutant("statement", horizon=2),
    "p_k for sqrt(p_k)": Mutant("statement", power=1),
    "8/7 -> 1/2": Mutant("statement", constant=half),
    "noise halved": Mutant("proof", noise=sp.Rational(1, 4)),
    "(a) constant halved": Mutant("proof", second=4 * sp.sqrt(2) / 7),
    "8/3 -> 7/3": Mutant("proof", variant=sp.Rational(7, 3)),
    "8/7 -> 2": Mutant("statement", weaker="2 > 8/7", constant=2),
}
