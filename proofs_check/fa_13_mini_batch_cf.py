r"""FA-13: mini-batch CF-SGD

Source
    derived here (docs/theory/frequency.md, FA-13).
Problem
    As FA-10; the gradient is the mean over B independent samples.
Algorithm
    eta_k^t = min{1/(4L), alpha sqrt(B/(T phat))}, phat = (C_k + 1)/((t-1) B + 1), C_k the number of
    samples in earlier batches that held k.
Assumptions
    H1, H2 (L), H3 (sigma_k).
Statement
    (E|grad_k f(Theta^tau)|)^2 <= (8/(7T)) (Delta + L alpha^2 A1/2)
        (4L + sqrt(T p_k/B)/alpha).
    As in FA-10, no burn-in is added. On the way: E eta^2 <= alpha^2 B/(T p).
Checks
    witness, as in FA-10, at B = 1 and 4; counter programme over samples: the noise line with noise,
    the statement without; search; one noisy token over long horizons, sampled.
Literature
    Counting occurrences of the current batch is not covered.
"""

import numpy as np
import sympy as sp

from freqopt.theory import Assumption, Bound, Claim, Mutant, Search, Theorem
from freqopt.theory.exact.burn_in import proof
from freqopt.theory.exact.counters import counted_search, horizon_step, random_counted
from freqopt.theory.exact.lone import noisy_check
from freqopt.theory.symbols import A1, B, Delta, L, T, alpha, half, p

HYPOTHESES, STEPS = proof((1, 4))


def theorem(constant=sp.Rational(8, 7), burn=0, batch=half, horizon=1, square=1.0):
    """Parts: 8/7; the burn-in terms; the powers of B and T; the factor of E eta^2."""
    bracket = constant / T**horizon * (Delta + half * L * alpha**2 * A1)
    slow = 4 * L + (sp.sqrt(T * p) / B**batch + burn * (2 / B + 1 / sp.sqrt(T * B))) / alpha

    def rule(size):
        return lambda rate, steps: horizon_step(rate, steps, 0.25, size)

    def random(noise):
        def draw(quick):
            for size in (1, 2, 5):
                count = 8 if quick else 80
                yield from random_counted(
                    rule(size), count, seed=size, batch=size, horizon=1.5, noise=noise
                )

        return draw

    def place(point):
        size = 1 + int(3.999 * point[0])
        inner = counted_search(rule(size), batch=size, horizon=1.2, noise=False)
        return inner.make(point[1:])

    def noise_line(i):
        return np.max(i.moments.step_square, axis=0) * i.steps * i.p / (i.alpha**2 * i.batch)

    return Theorem(
        assumptions=(Assumption("lam_k <= L", lambda i: i.curvature.max() <= 1),),
        claims=(
            Claim(
                "(8.4), no noise",
                lambda i: i.squared_first_moment(),
                Bound(bracket * slow),
                instances=random(False),
                search=Search(counted_search(rule(1)).dimension + 1, place),
                trivial=lambda i: (i.p * i.curvature) ** 2 * i.R2,
            ),
            Claim("E eta^2", noise_line, lambda i: square, "upper", random(True)),
        ),
        hypotheses=HYPOTHESES,
        steps=STEPS,
        checks=(
            noisy_check(
                "(8.4), no noise",
                Bound(bracket * slow),
                lambda rate, steps, size: horizon_step(rate, steps, 0.25, size),
                ((0.01, 30_000, 0.3, 1), (1e-3, 1_000_000, 0.3, 16), (0.5, 4_000, 0.05, 256)),
            ),
        ),
    )


MUTANTS = {
    "T^2 for T": Mutant("statement", horizon=2),
    "8/7 -> 1/3": Mutant("statement", constant=sp.Rational(1, 3)),
    "E eta^2 halved": Mutant("proof", square=0.5),
    "B^2, 8/7 -> 1/2": Mutant("statement", batch=2, constant=half),
    "B^(3/4)": Mutant("statement", batch=sp.Rational(3, 4)),
    "(2/B + 1/sqrt(T B))/alpha added": Mutant("statement", weaker="burn-in > 0", burn=1),
    "8/7 -> 2": Mutant("statement", weaker="2 > 8/7", constant=2),
}
