r"""T-CF: CF-SGD, the sharper joint form

Source
    derived here (docs/theory/descent.md, T-CF).
Problem
    As FA-10.
Algorithm
    CF-SGD (6.2) with any cap <= 1/L.
Assumptions
    H1, H2 (L), H3 (sigma_k).
Statement
    sum_t sum_k (E|grad_k f(Theta^t)|)^2 / (1/cap + (sqrt T/alpha) sqrt(p_k + (1-p_k)/t))
        <= 2 Delta + alpha^2 L sum_k p_k sigma_k^2.
Beware
    It is not proved with E|grad_k f|^2 in place of (E|grad_k f|)^2; one of its proof's lines is
    then false.
Checks
    counter programme without noise; all paths of the pair problem with the project's rule;
    adversarial search; one noisy token over long horizons, sampled. The false line is shown false.
Literature
    FA's bound with p_k -> p_k + (1-p_k)/t: a burn-in of 1/p_k steps.
"""

import numpy as np
import sympy as sp

from freqopt.optimizers.cf_sgd import CFSGD
from freqopt.problems.pair import Pair
from freqopt.streams import fold
from freqopt.theory import Assumption, Bound, Case, Claim, Mutant, Theorem, total
from freqopt.theory.engines.enumeration import expectation
from freqopt.theory.exact.counters import (
    CountedTokens,
    counted_search,
    horizon_step,
    random_counted,
)
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.lone import noisy_check
from freqopt.theory.exact.outcomes import outcomes
from freqopt.theory.symbols import Delta, L, alpha, p, sigma2

PAIR = Pair(
    pairs={"kind": "counts", "counts": ((12, 4), (3, 1))},
    dimension=1, score="sum", loss="cosine", noise=0.6, spread=1.5,
)  # fmt: skip


def make(rate, steps):
    return horizon_step(rate, steps, 1.0)  # cap = 1/L


def weights(T, rate, p, cap, horizon=0.5):
    t = np.arange(1, T + 1)[:, None]
    return 1 / (1 / cap + T**horizon / rate * np.sqrt(p + (1 - p) / t))


def path_cases(steps):
    constants, size = PAIR.constants, PAIR.constants.smoothness
    frequency = np.concatenate([constants.frequency[n] for n in "uv"])
    start = PAIR.start(0, 0)
    for rate in (0.05, 0.25, 1.0):
        rule = CFSGD(lr=rate, horizon=steps, smoothness=size)
        begin = Ensemble(PAIR, rule, start, 1)
        yield Case(
            f"pair problem, T = {steps}, alpha = {rate}",
            begin=begin, steps=steps, alpha=rate, p=frequency, L=size, cap=1 / (4 * size),
            Delta=PAIR.objective(start) - constants.optimum_value, sigma2=np.ones_like(frequency),
        )  # fmt: skip


def first_moments(case):
    """E|grad_k f(Theta^t)| before each step, (T, tokens)."""

    def norms(ensemble):
        copies = ({n: ensemble.values(n)[s] for n in "uv"} for s in range(ensemble.copies))
        gradients = (PAIR.gradient(tables) for tables in copies)
        return np.array(
            [np.concatenate([np.sqrt(fold(g**2)) for g in x.values()]) for x in gradients]
        )

    return np.array(expectation(case.begin, outcomes(PAIR), case.steps - 1, {"n": norms})["n"])


def theorem(gap=2, noise=1, power=1, horizon=0.5):
    """Parts: the 2 of Delta, the factor and the power of p_k in the noise, the power of T."""
    bound = Bound(gap * Delta + noise * alpha**2 * L * total(p**power * sigma2))

    def counted(i):
        gradients = i.p * i.curvature * i.distances.square
        return float(np.sum(gradients**2 * weights(i.steps, i.alpha, i.p, 1.0, horizon)))

    def on_paths(i):
        return float(np.sum(first_moments(i) ** 2 * weights(i.steps, i.alpha, i.p, i.cap, horizon)))

    def late_weight(place):
        """Late steps: w_t grows, and a mean of squares is at least the square of the mean."""
        chance, steps, rate, _ = place
        first = -(-steps // 2)
        least = 1 / (1 + steps**horizon / rate * np.sqrt(chance + (1 - chance) / first))
        return float((steps - first + 1) * least)

    def quiet(quick):
        yield from random_counted(make, 30 if quick else 300, noise=False)
        for name, scale in (("slow", 0.05), ("fast", 5.0)):
            one = np.ones(2)
            yield CountedTokens(
                f"two tokens, {name}", np.array([0.9, 0.1]), one, 0 * one, one, 300,
                make(scale, 300), scale,
            )  # fmt: skip

    at_optimum = CountedTokens(
        "start at the optimum, T = 60", np.array([0.5]), np.array([1.0]), np.array([1.0]),
        np.array([1e-12]), 60, make(1.0, 60), 1.0,
    )  # fmt: skip

    def line_with_squares(i):
        m = i.moments
        return float(np.max(m.square / (m.step_times_square * m.inverse_step)))

    space = counted_search(make, noise=False)
    return Theorem(
        assumptions=(Assumption("lam_k <= L", lambda i: np.max(getattr(i, "curvature", 0)) <= 1),),
        claims=(
            Claim("no noise", counted, bound, "upper", quiet, search=space),
            Claim("all paths", on_paths, bound, "upper", lambda q: path_cases(4 if q else 5)),
            Claim(
                "the line E e^2 <= E[eta e^2] E[1/eta] is false",
                line_with_squares,
                lambda i: 1.0,
                "lower",
                lambda quick: [at_optimum],
            ),
        ),
        checks=(
            noisy_check(
                "no noise",
                bound,
                lambda rate, steps, _: horizon_step(rate, steps, 1.0),
                ((p, round(300 / p), 0.3, 1) for p in (0.02, 1e-3)),
                late=late_weight,
            ),
        ),
    )


MUTANTS = {
    "Delta for 2 Delta": Mutant("statement", gap=1),
    "Delta / 4": Mutant("statement", gap=sp.Rational(1, 4)),
    "sqrt(T) dropped": Mutant("statement", horizon=0),
    "no noise": Mutant("statement", noise=0),
    "p_k^2 in the noise": Mutant("statement", power=2),
    "noise x 2": Mutant("statement", weaker="second term doubled", noise=2),
}
