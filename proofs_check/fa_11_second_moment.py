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
Checks
    counter programme with two-point noise, for which G = max(lam |e_0|, sigma) is exact; search;
    one noisy token over 100 million steps, sampled.
Literature
    The price of the second moment is the tail bound FA-9.3.
"""

from dataclasses import replace

import numpy as np
import sympy as sp

from freqopt.theory import Assumption, Bound, Claim, Mutant, Search, Theorem
from freqopt.theory.exact.counters import (
    CountedTokens,
    counted_search,
    horizon_step,
    random_counted,
)
from freqopt.theory.exact.lone import noisy_check
from freqopt.theory.symbols import A1, Delta, L, T, alpha, half, p

G2 = sp.Symbol("G2", nonnegative=True)


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


def theorem(constant=sp.Rational(16, 7), horizon=1, power=half, rare=1, logarithm=3):
    """Parts: 16/7, the powers of T and p_k, the factor of the last term, the 3 before ln T."""
    slow = 4 * L + (sp.sqrt(2 * T) * p**power + sp.sqrt(2 * (logarithm * sp.log(T) + 1))) / alpha
    bound = constant / T**horizon * (Delta + half * L * alpha**2 * A1) * slow + rare * p**2 * G2 / T
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
    "16/7 -> 4": Mutant("statement", weaker="4 > 16/7", constant=4),
}
