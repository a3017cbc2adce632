r"""FA-14: separable losses, each token on its own clock

Source
    derived here (docs/theory/frequency.md, FA-14).
Problem
    f(Theta) = sum_k p_k phi_k(theta_k), phi_k L-smooth, delta_k = phi_k(theta_k^1) - inf phi_k.
Algorithm
    any fixed eta_k <= 1/(4L); then eta_k = min{1/(4L), sqrt(2 delta_k/(L sigma_k^2 T p_k))}, which
    is FA-SGD with its own alpha for each token.
Assumptions
    H2 (L), H3 (sigma_k); the loss is a sum over tokens.
Statement
    With n_k = p_k T visits and G_k the gradient given that k is sampled,
    E|G_k(Theta^tau)|^2 <= (8/7) (delta_k/(n_k eta_k) + L eta_k sigma_k^2/2),
    and with the second step <= (32/7) L delta_k/n_k + (8 sqrt 2/7) sqrt(L delta_k sigma_k^2/n_k).
Checks
    witness; exact second moments on quadratics; adversarial search.
Literature
    The usual SGD rate in the token's own number of visits.
"""

from dataclasses import replace

import numpy as np
import sympy as sp

from freqopt.theory import Assumption, Bound, Claim, Hypothesis, Mutant, Step, Theorem
from freqopt.theory.exact.tokens import power_steps, random_tokens, token_search
from freqopt.theory.symbols import L, T, eta, half, p, sigma2

lam, R2 = sp.symbols("lam R2", positive=True)
inverse = sp.Symbol("inverse_eta", positive=True)
FIXED = power_steps(0.5, cap=0.25)


def own(tokens, scale):
    tokens = replace(tokens, R2=tokens.R2 * scale)
    delta = tokens.curvature * tokens.R2 / 2
    eta = np.sqrt(2 * delta / (tokens.sigma2 * tokens.steps * tokens.p))
    return replace(tokens, eta=np.minimum(0.25, eta))


def with_inverse(tokens):
    return {"inverse_eta": 1 / tokens.eta}


def theorem(
    constant=sp.Rational(8, 7), clock=1, noise=half,
    first=sp.Rational(32, 7), second=8 * sp.sqrt(2) / 7,
):  # fmt: skip
    """Parts: 8/7; the power of p_k in n_k; the noise's 1/2; the constants of the tuned form."""
    delta, visits = lam * R2 / 2, p**clock * T
    general = constant * (delta / (visits * eta) + noise * L * eta * sigma2)
    tuned = first * L * delta / visits + second * sp.sqrt(L * delta * sigma2 / visits)
    root = sp.sqrt(2 * delta / (L * sigma2 * T * p))

    def claim(name, bound, choose):
        return Claim(
            name,
            lambda i: i.curvature**2 * i.mean(),
            Bound(bound),
            instances=lambda quick: random_tokens(choose, 100 if quick else 1000),
            search=token_search(choose),
            trivial=lambda i: i.trivial_square_gradient() / i.p**2,
        )

    return Theorem(
        assumptions=(
            Assumption("lam_k <= L", lambda i: i.curvature.max() <= 1),
            Assumption("eta_k <= 1/(4L)", lambda i: i.eta.max() <= 0.25),
        ),
        claims=(claim("(9.1)", general, FIXED), claim("(9.2)", tuned, own)),
        hypotheses=(
            Hypothesis(
                "1/eta_k <= 4L + 1/root", 4 * L + 1 / root - inverse, with_inverse, of=("(9.2)",)
            ),
            Hypothesis("eta_k <= root", root - eta, of=("(9.2)",)),
        ),
        steps=(
            Step(
                "(9.2) from (9.1)",
                sp.Rational(8, 7) * (delta * inverse / (p * T) + L * eta * sigma2 / 2),
                tuned,
                (
                    (sp.Rational(8, 7), (delta / (p * T), 4 * L + 1 / root - inverse)),
                    (sp.Rational(4, 7), (L * sigma2, root - eta)),
                ),
            ),
        ),
    )


MUTANTS = {
    "T for p_k T": Mutant("statement", clock=0),
    "noise halved": Mutant("statement", noise=sp.Rational(1, 4)),
    "8/7 -> 1": Mutant("statement", constant=1),
    "(9.2) second constant halved": Mutant("statement", second=4 * sp.sqrt(2) / 7),
    "8/7 -> 2": Mutant("statement", weaker="2 > 8/7", constant=2),
}
