r"""FA-12: CF-SGD without knowing the horizon

Source
    derived here (docs/theory/frequency.md, FA-12).
Problem
    As FA-10.
Algorithm
    eta_k^t = min{1/(4L), alpha / sqrt(c_k^t)}.
Assumptions
    H1, H2 (L), H3 (sigma_k).
Statement
    (E|grad_k f(Theta^tau)|)^2 <= (8/(7T)) (Delta + (L alpha^2/2) sum_l p_l sigma_l^2
        (1 + ln(1 + T p_l))) (4L + [sqrt(T p_k) + 1]/alpha).
    On the way: sum_t p E eta^2 <= alpha^2 (1 + ln(1 + T p)).
Checks
    counter programme: the noise line with noise (in closed form up to T = 10^18), the statement
    without; adversarial search; one
    noisy token over horizons of up to 30 million steps, sampled.
Literature
    Up to the cap this is FBGEMM's COUNTER_SGD with the raw counter.
"""

import numpy as np
import sympy as sp
from scipy.special import digamma

from freqopt.theory import Assumption, Bound, Case, Claim, Mutant, Theorem, total
from freqopt.theory.exact.counters import anytime_step, counted_search, random_counted
from freqopt.theory.exact.lone import noisy_check
from freqopt.theory.symbols import Delta, L, T, alpha, half, p, sigma2


def make(rate, steps):
    return anytime_step(rate, 0.25)


def noise_lines(quick):
    yield from random_counted(
        lambda rate, steps: anytime_step(rate, np.inf), 20 if quick else 200, horizon=2.3
    )
    # sum_t (1 - (1-p)^t)/t is H_T + ln p but for sum_{t > T} (1-p)^t/t < e^(-p T)/(p T).
    for chance, steps in ((1.0, 1e4), (1.0, 1e8), (1e-3, 1e9), (1.0, 1e15), (1e-3, 1e18)):
        left = digamma(steps + 1.0) + np.euler_gamma + np.log(chance)
        name = f"one token, p = {chance}, T = {steps:g}"
        yield Case(name, left=left, p=chance, T=steps, curvature=np.ones(1))


def theorem(constant=sp.Rational(8, 7), logarithm=1, first=1, horizon=1, power=half):
    """Parts: 8/7; the factor of the logarithm; the 1 before it; the powers of T and p_k."""
    noise = total(p * sigma2 * (first + logarithm * sp.log(1 + T * p)))
    bracket = constant / T**horizon * (Delta + half * L * alpha**2 * noise)
    slow = 4 * L + (sp.sqrt(T) * p**power + 1) / alpha

    def noise_line(i):
        if isinstance(i, Case):
            return i.left
        return i.p * i.moments.step_square.sum(axis=0) / i.alpha**2

    return Theorem(
        assumptions=(Assumption("lam_k <= L", lambda i: i.curvature.max() <= 1),),
        claims=(
            Claim(
                "(8.3), no noise",
                lambda i: i.squared_first_moment(),
                Bound(bracket * slow),
                instances=lambda quick: random_counted(make, 20 if quick else 200, noise=False),
                search=counted_search(make, noise=False),
                trivial=lambda i: (i.p * i.curvature) ** 2 * i.R2,
            ),
            Claim(
                "noise line",
                noise_line,
                Bound(first + logarithm * sp.log(1 + T * p)),
                instances=noise_lines,
            ),
        ),
        checks=(
            noisy_check(
                "(8.3), no noise",
                Bound(bracket * slow),
                lambda rate, steps, _: anytime_step(rate, 0.25),
                ((p, round(300 / p), 0.15, 1) for p in (0.02, 1e-3, 1e-5)),
            ),
        ),
    )


MUTANTS = {
    "no logarithm": Mutant("statement", logarithm=0),
    "0.95 of the logarithm": Mutant("statement", logarithm=sp.Rational(19, 20)),
    "logarithm without its 1": Mutant("statement", first=0),
    "T^2 for T": Mutant("statement", horizon=2),
    "8/7 -> 1/3": Mutant("statement", constant=sp.Rational(1, 3)),
    "8/7 -> 2": Mutant("statement", weaker="2 > 8/7", constant=2),
}
