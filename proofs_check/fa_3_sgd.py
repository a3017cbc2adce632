r"""FA-3: SGD with one common step

Source
    derived here (docs/theory/frequency.md, FA-3).
Problem
    min f(Theta) = E l(Theta; xi), Delta = f(Theta^1) - f*, A2 = sum_k p_k^2 sigma_k^2.
Algorithm
    SGD with eta = min{1/(4L), sqrt(2 Delta / (L T A2))}; output Theta^tau, tau uniform on 1..T.
Assumptions
    H1, H2 (L), H3 (sigma_k).
Statement
    sum_k E |grad_k f(Theta^tau)|^2 <= (32/7) L Delta / T + (8 sqrt 2/7) sqrt(L Delta A2 / T).
Checks
    witness: FA-2 with this step; exact second moments on quadratics; adversarial search.
Literature
    The rate that FA-4 is compared with.
"""

from dataclasses import replace

import numpy as np
import sympy as sp

from freqopt.theory import Assumption, Bound, Claim, Hypothesis, Mutant, Step, Theorem
from freqopt.theory.exact.tokens import random_tokens, token_search
from freqopt.theory.symbols import A2, Delta, L, T, eta, half

inverse = sp.Symbol("inverse_eta", positive=True)


def choose(tokens, scale):
    tokens = replace(tokens, R2=tokens.R2 * scale)
    eta = min(0.25, np.sqrt(2 * tokens.gap / (tokens.steps * tokens.letters()["A2"])))
    return replace(tokens, eta=np.full(tokens.p.shape, eta))


def theorem(first=sp.Rational(32, 7), second=8 * sp.sqrt(2) / 7, horizon=half, noise=A2):
    """Parts: both constants, the power of T in the second term, the noise sum."""
    bound = first * L * Delta / T + second * sp.sqrt(L * Delta * noise) / T**horizon
    root = sp.sqrt(2 * Delta / (L * T * A2))
    return Theorem(
        assumptions=(Assumption("lam_k <= L", lambda i: i.curvature.max() <= 1),),
        claims=(
            Claim(
                "sum over tokens",
                lambda i: float(np.sum(i.square_gradient())),
                Bound(bound),
                instances=lambda quick: random_tokens(choose, 100 if quick else 1000),
                search=token_search(choose),
                trivial=lambda i: float(np.sum(i.trivial_square_gradient())),
            ),
        ),
        hypotheses=(
            Hypothesis(
                "1/eta <= 4L + 1/root",
                4 * L + 1 / root - inverse,
                lambda i: {"inverse_eta": 1 / i.eta},
            ),
            Hypothesis("eta <= root", root - eta),
        ),
        steps=(
            Step(  # FA-2 over T eta, with 1/eta <= 4L + 1/root and eta <= root
                "FA-2 with this step",
                sp.Rational(8, 7) * (Delta * inverse / T + L * eta * A2 / 2),
                bound,
                (
                    (sp.Rational(8, 7), (Delta / T, 4 * L + 1 / root - inverse)),
                    (sp.Rational(4, 7), (L * A2, root - eta)),
                ),
            ),
        ),
    )


MUTANTS = {
    "second term / T": Mutant("statement", horizon=1),
    "second term halved": Mutant("proof", second=4 * sp.sqrt(2) / 7),
    "A2^2": Mutant("statement", noise=A2**2),
    "first term / 8": Mutant("statement", first=sp.Rational(4, 7)),
    "second term 2 x": Mutant(
        "statement", weaker="second term doubled", second=16 * sp.sqrt(2) / 7
    ),
}
