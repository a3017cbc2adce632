r"""FA-8: mini-batch FA-SGD

Source
    derived here (docs/theory/frequency.md, FA-8).
Problem
    As FA-4; the gradient is the mean over B independent samples.
Algorithm
    (6.4) eta_k = min{1/(4L (p_k + 1/B)), alpha sqrt(B/(T p_k))};
    (6.5) the same with the cap 1/(4L).
Assumptions
    H1, H2 (L), H3 (sigma_k).
Statement
    E|grad_k f(Theta^tau)|^2 <= (8/(7T)) (Delta + L alpha^2 A1/2) (c_k + sqrt(T p_k/B)/alpha) with
    c_k = 4L (p_k + 1/B) for (6.4) and 4L for (6.5); with alpha = sqrt(2 Delta/(L A1)) the leading
    term is (8 sqrt 2/7) sqrt(p_k L Delta A1/(T B)).
Checks
    witnesses; exact second moments on quadratics, which are closed for every B; adversarial search.
Literature
    Linear scaling of the step with B for rare tokens only.
"""

from dataclasses import replace

import numpy as np
import sympy as sp

from freqopt.theory import Assumption, Bound, Claim, Hypothesis, Mutant, Search, Step, Theorem
from freqopt.theory.exact.tokens import random_tokens, token_search
from freqopt.theory.symbols import A1, B, Delta, L, T, alpha, eta, half, p, sigma2

G = sp.Symbol("G", nonnegative=True)


def steps(batch, frequency_cap):
    def choose(tokens, scale):
        p = tokens.p
        cap = 1 / (4 * (p + 1 / batch)) if frequency_cap else np.full(p.shape, 0.25)
        eta = np.minimum(cap, scale * np.sqrt(batch / (tokens.steps * p)))
        more = {"alpha": scale, "cap": cap}
        return replace(tokens, eta=eta, batch=batch, more=more)

    return choose


def instances(frequency_cap):
    def draw(quick):
        for batch in (1, 2, 8, 64):
            yield from random_tokens(steps(batch, frequency_cap), 25 if quick else 250, seed=batch)

    return draw


def space(frequency_cap):
    def make(point):
        batch = int(2 ** np.round(6 * point[0]))
        return token_search(steps(batch, frequency_cap)).make(point[1:])

    return Search(token_search(steps(1, False)).dimension + 1, make)


def theorem(constant=sp.Rational(8, 7), batch_power=half, cap=4 * L * (p + 1 / B), noise=half):
    """Parts: 8/7; the power of B in the noise; the inverse cap of (6.4); the noise's 1/2."""
    bracket = constant / T * (Delta + noise * L * alpha**2 * A1)
    slow = sp.sqrt(T * p) / B**batch_power / alpha

    def claim(name, inverse_cap, frequency_cap):
        return Claim(
            name,
            lambda i: i.square_gradient(),
            Bound(bracket * (inverse_cap + slow)),
            instances=instances(frequency_cap),
            search=space(frequency_cap),
            trivial=lambda i: i.trivial_square_gradient(),
        )

    second = (1 - 1 / B) * G + (G / p + p * sigma2) / B  # E|g_k|^2 of a mean of B
    left = -eta * G + L / 2 * p * eta**2 * second
    right = -sp.Rational(7, 8) * eta * G + noise * L * eta**2 * p**2 * sigma2 / B
    return Theorem(
        assumptions=(
            Assumption("lam_k <= L", lambda i: i.curvature.max() <= 1),
            Assumption("eta_k <= cap", lambda i: np.all(i.eta <= i.more["cap"])),
        ),
        claims=(claim("(6.4)", cap, True), claim("(6.5)", 4 * L, False)),
        hypotheses=(
            Hypothesis(
                "eta_k (p_k + 1/B) <= 1/(4L)",
                1 / (4 * L) - eta * (p + 1 / B),
                of=("(6.4)",),
            ),
            Hypothesis("eta_k <= 1/(4L)", 1 / (4 * L) - eta, of=("(6.5)",)),
            Hypothesis("p_k <= 1", 1 - p),
            Hypothesis("B >= 1", 1 - 1 / B),
        ),
        steps=(
            Step(
                "one step, cap (6.4)",
                left,
                right,
                (
                    (half, (L, eta, G, 1 / (4 * L) - eta * (p + 1 / B))),
                    (half, (L, p, eta**2, G, 1 / B)),
                ),
            ),
            Step(  # p (1 - 1/B) + 1/B <= 1
                "one step, cap (6.5)",
                left,
                right,
                (
                    (half, (L, eta, G, 1 / (4 * L) - eta)),
                    (half, (L, eta**2, G, 1 - p, 1 - 1 / B)),
                ),
            ),
        ),
    )


MUTANTS = {
    "B for sqrt(B)": Mutant("statement", batch_power=2),
    "cap 4 L p_k": Mutant("statement", cap=4 * L * p * 0),
    "8/7 -> 1/2": Mutant("statement", constant=half),
    "noise halved": Mutant("proof", noise=sp.Rational(1, 4)),
    "B forgotten": Mutant("statement", weaker="1 >= 1/sqrt(B)", batch_power=0),
}
