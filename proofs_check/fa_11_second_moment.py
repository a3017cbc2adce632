r"""FA-11: CF-SGD with a known horizon, second moment

Source
    derived here (docs/theory/frequency.md, FA-11).
Problem
    As FA-10.
Algorithm
    CF-SGD (6.2); output Theta^tau, tau uniform on ceil(T/2)..T.
Assumptions
    H1, H2 (L), H3 (sigma_k); |G_k(Theta)| <= G on the path (G_k: gradient given that k is sampled).
Statement
    E|grad_k f(Theta^tau)|^2 <= (16/(7T)) (Delta + L alpha^2 A1/2)
        (4L + [sqrt(2 T p_k) + sqrt(2 (3 ln T + 1))]/alpha) + p_k^2 G^2/T.
    Where the loss is a sum over tokens, visits are independent of the noise, and then
    E|grad_k f(Theta^tau)|^2 <= (16/(7T)) (Delta + L alpha^2 A1/2) (4L + sqrt(2 T p_k + 2)/alpha)
    without any G: given the visits, E f_k - f_k* stays below its start and what noise has added,
    U; the weight W = 4L + sqrt(2 n)/alpha >= 1/eta of late steps only grows; and given N visits the
    mean of sum_n eta_n^2 is alpha^2 N (T+1)/((N+1) T) <= alpha^2.
Beware
    Whether the logarithm and the last term are needed where tokens share a loss is open: a visit
    may then go with the rise of f that another token causes.
Checks
    witness of the separable form; counter programme with two-point noise, for which
    G = max(lam |e_0|, sigma) is exact; search; one noisy token over 100 million steps, sampled.
Literature
    The price of the second moment is the tail bound FA-9.3.
"""

from dataclasses import replace

import numpy as np
import sympy as sp

from freqopt.theory import (
    Assumption,
    Bound,
    Case,
    Claim,
    Hypothesis,
    Mutant,
    Search,
    Step,
    Theorem,
)
from freqopt.theory.exact.counters import (
    CountedTokens,
    counted_search,
    horizon_step,
    random_counted,
)
from freqopt.theory.exact.lone import noisy_check
from freqopt.theory.symbols import A1, Delta, L, T, alpha, eta, half, p

G2 = sp.Symbol("G2", nonnegative=True)


SEVEN = sp.Rational(7, 8)
W, W2, N = sp.symbols("W W2 N", positive=True)
F, F2, U, square, added, idle = sp.symbols("F F2 U square added idle", nonnegative=True)


def weighed(quick):
    """Visits at random times of a token of curvature 1 and noise 1 from its optimum."""
    rng, steps, alpha = np.random.default_rng(11), 50, 0.5
    for run in range(5 if quick else 50):
        times = np.sort(rng.choice(steps, 8, replace=False)) + 1
        F, U = float(run), float(run)  # E f given the visits, and its start with all noise since
        for n, t in enumerate(times, start=1):
            eta = min(0.25, alpha * np.sqrt(t / (steps * n)))
            added = eta**2 / 2
            F2 = (1 - eta) ** 2 * F + added
            yield Case(
                f"run {run}, visit {n}", F=F, U=U, F2=F2, added=added, square=2 * F, eta=eta,
                W=4 + np.sqrt(2 * n) / alpha, W2=4 + np.sqrt(2 * n + 2) / alpha, L=1.0, alpha=alpha,
            )  # fmt: skip
            F, U = F2, U + added


def make(rate, steps):
    return horizon_step(rate, steps, 0.25)


def bounded(instance):
    """With xi = +-sigma and eta lam <= 1 the distance never exceeds max(|e_0|, sigma/lam)."""
    G2 = np.maximum(instance.curvature**2 * instance.R2, instance.sigma2)
    return replace(instance, more={"G2": G2})


def late(instance):
    first = -(-instance.steps // 2) - 1
    square = instance.moments.square[first:].mean(axis=0)
    return (instance.p * instance.curvature) ** 2 * square


def cases(quick):
    yield from map(bounded, random_counted(make, 40 if quick else 400))
    for chance, steps in ((0.05, 4000),) if quick else ((0.05, 4000), (0.02, 16_000)):
        one, p = np.ones(1), np.array([chance])
        name = f"one noisy token, p = {chance}, T = {steps}"
        yield bounded(CountedTokens(name, p, one, one, 0 * p, steps, make(0.3, steps), 0.3))


def space():
    inner = counted_search(make)
    return Search(inner.dimension, lambda point: bounded(inner.make(point)))


def theorem(constant=sp.Rational(16, 7), horizon=1, power=half, rare=1, logarithm=3, more=2):
    """Parts: 16/7, the powers of T and p_k, the factor of the last term, the 3 before ln T, the
    2 under the root of the separable form.
    """
    slow = 4 * L + (sp.sqrt(2 * T) * p**power + sp.sqrt(2 * (logarithm * sp.log(T) + 1))) / alpha
    bound = constant / T**horizon * (Delta + half * L * alpha**2 * A1) * slow + rare * p**2 * G2 / T
    separable = Bound(
        constant / T**horizon * (Delta + half * L * alpha**2 * A1)
        * (4 * L + sp.sqrt(2 * T * p ** (2 * power) + more) / alpha)
    )  # fmt: skip
    return Theorem(
        assumptions=(Assumption("lam_k <= L", lambda i: i.curvature.max() <= 1),),
        claims=(
            Claim(
                "(8.2)",
                late,
                Bound(bound),
                instances=cases,
                search=space(),
                trivial=lambda i: i.p**2 * i.more["G2"],
                sharper=separable,
            ),
            Claim(
                "(8.2), separable",
                late,
                separable,
                instances=cases,
                search=space(),
                trivial=lambda i: i.p**2 * i.more["G2"],
            ),
        ),
        hypotheses=(
            Hypothesis("descent", F - SEVEN * eta * square + added - F2, cases=weighed),
            Hypothesis("W grows", W2 - W, cases=weighed),
            Hypothesis("F <= U", U + added - F2, cases=weighed),
        ),
        steps=(
            Step(  # at a visit F -> F2, U -> U + added, W -> W2; summed, W (U - F) telescopes
                "one visit, weighed",
                W * SEVEN * eta * square,
                W2 * (U + added - F2) - W * (U - F),
                (
                    (1, (W, F - SEVEN * eta * square + added - F2)),
                    (1, (W2 - W, U + added - F2)),
                ),
            ),
            Step(
                "given N visits, the noise",  # T = N + idle
                W * alpha**2 * N * (N + idle + 1) / ((N + 1) * (N + idle)),
                W * alpha**2,
                ((1, (W * alpha**2 / ((N + 1) * (N + idle)), idle)),),
            ),
        ),
        checks=(
            noisy_check(
                "(8.2)",
                Bound(bound),
                lambda rate, steps, _: make(rate, steps),
                ((p, round(1000 / p), 0.3, 1) for p in (1e-3, 1e-5)),
                second=True,
            ),
        ),
    )


MUTANTS = {
    "T^2 for T": Mutant("statement", horizon=2),
    "16/7 -> 1/4": Mutant("statement", constant=sp.Rational(1, 4)),
    "p_k^2, no logarithm, no tail": Mutant(
        "statement", power=2, logarithm=0, rare=0, constant=sp.Rational(4, 7)
    ),
    "separable: p_k, 16/7 -> 4/7": Mutant("statement", power=1, more=0, constant=sp.Rational(4, 7)),
    "16/7 -> 4": Mutant("statement", weaker="4 > 16/7", constant=4),
}
