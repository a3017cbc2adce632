r"""FA-11: CF-SGD with a known horizon, second moment

Source
    derived here (docs/theory/frequency.md, FA-11).
Problem
    As FA-10.
Algorithm
    CF-SGD (6.2); output Theta^tau, tau uniform on ceil(T/2)..T.
Assumptions
    H1, H2 (L), H3 (sigma_k).
Statement
    E|grad_k f(Theta^tau)|^2 <= (16/(7T)) (Delta + L alpha^2 A1/2)
        (4L + (sqrt(2 T p_k) + sqrt(2))/alpha).                                          (8.2)
    Where the loss is a sum over tokens, and visits are independent of the noise,
    4L + sqrt(2 T p_k + 2)/alpha is enough.                                             (8.2a)
Checks
    witness of both proofs; counter programme with two-point noise; all paths of two tokens that
    share a loss, where each visit of one goes with a push of the other; search; one noisy token
    over 100 million steps, sampled.
Literature
    With Chernoff's bound for the counter (FA-9.3) one has sqrt(2 (3 ln T + 1)) for sqrt(2), and a
    term p_k^2 G^2/T for gradients up to G: neither is needed.
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

SEVEN = sp.Rational(7, 8)
W, W2, N = sp.symbols("W W2 N", positive=True)
F, F2, U, square, added, idle = sp.symbols("F F2 U square added idle", nonnegative=True)
x, root, M, y, noisy = sp.symbols("x root M y noisy", nonnegative=True)  # of (8.2)
few = sp.Rational(32, 7) - x  # x = T p_k


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
    if isinstance(instance, Case):
        return instance.left
    first = -(-instance.steps // 2) - 1
    square = instance.moments.square[first:].mean(axis=0)
    return (instance.p * instance.curvature) ** 2 * square


def shared(p, steps, alpha, width, push, start):
    """Two tokens share Huber's loss of their difference; the second is in every sample.

    Where the first one is, the second has a linear loss besides, which moves it by `push`, and
    elsewhere its mean back: visits of the first go with rises of f. All paths, so exact.
    """
    visited = np.indices((2,) * steps).reshape(steps, -1)
    chance = np.prod(np.where(visited, p, 1 - p), axis=0)
    k, j, n = np.full(len(chance), start), np.zeros(len(chance)), np.ones(len(chance))
    first, square = -(-steps // 2), 0.0
    for t, visit in enumerate(visited, start=1):
        slope = np.clip(k - j, -width, width) / 2
        if t >= first:
            square += chance @ (p * slope) ** 2
        j = j - make(alpha, steps)(np.array(t), t) * np.where(
            visit, -slope - push, p * push / (1 - p)
        )
        k = k - visit * make(alpha, steps)(n, t) * slope
        n += visit
    far = abs(start)
    loss = far**2 / 4 if far < width else width * (2 * far - width) / 4
    A1 = ((1 - p) * width / 2 + abs(push)) ** 2 * p / (1 - p)
    return Case(
        f"a shared loss, p = {p}, push {push}", left=square / (steps - first + 1), p=p,
        T=float(steps), alpha=alpha, L=1.0, Delta=p * loss, A1=A1, curvature=np.ones(1),
        more={"G2": width**2 / 4},
    )  # fmt: skip


def cases(quick):
    yield from map(bounded, random_counted(make, 40 if quick else 400))
    for chance, steps in ((0.05, 4000),) if quick else ((0.05, 4000), (0.02, 16_000)):
        one, p = np.ones(1), np.array([chance])
        name = f"one noisy token, p = {chance}, T = {steps}"
        yield bounded(CountedTokens(name, p, one, one, 0 * p, steps, make(0.3, steps), 0.3))


def with_shared(quick):
    yield from cases(quick)
    yield shared(0.9, 8, 3.8, 4.6, 0.016, 8.4)
    yield shared(0.7, 8, 1.4, 6.3, -0.02, 7.2)
    yield shared(0.7, 8, 0.4, 6.4, 2.8, 0.0)


def space():
    inner = counted_search(make)
    return Search(inner.dimension, lambda point: bounded(inner.make(point)))


def theorem(constant=sp.Rational(16, 7), horizon=1, power=half, more=2):
    """Parts: 16/7, the powers of T and p_k, the 2 under the roots."""
    slow = 4 * L + (sp.sqrt(2 * T) * p**power + sp.sqrt(more)) / alpha
    bound = constant / T**horizon * (Delta + half * L * alpha**2 * A1) * slow
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
                instances=with_shared,
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
            Hypothesis(
                "T p_k >= 4", y - 2, cases=lambda _: [Case(f"y = {n}", y=n) for n in (2.0, 9.0)]
            ),
            Hypothesis(
                "T p_k <= 32/7",
                few,
                cases=lambda _: [Case(f"x = {n}", x=n) for n in (0.1, 4.5)],
            ),
        ),
        steps=(
            # (8.2): few visits by |grad_k f|^2 <= 2 p_k L (f - f*), many by the weight
            # 4L + sqrt(2) ((N + 1)/M + M)/(2 alpha), M = sqrt(x) + 1, of a step after N visits.
            Step(
                "few visits", 2 * x * L * U, 64 * L * U / 7, ((2, (L, U, sp.Rational(32, 7) - x)),)
            ),
            Step("the weight", 2 * root * M, root**2 + M**2, ((1, ((root - M) ** 2,)),)),
            Step(  # noisy: the share of the noise in Delta + L alpha^2 A1/2
                "rises that go with visits",
                noisy * (1 - noisy / 2),
                half,
                ((half, ((1 - noisy) ** 2,)),),
            ),
            Step(  # y = sqrt(T p_k)
                "many visits",
                y**2 + sp.sqrt(2) * y + 2,
                (y + 1) ** 2,
                ((2 - sp.sqrt(2), (y - 2,)), (3 - 2 * sp.sqrt(2), ())),
            ),
            # (8.2a)
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
    "p_k^2, 16/7 -> 4/7": Mutant("statement", power=2, constant=sp.Rational(4, 7)),
    "p_k, 16/7 -> 4/7": Mutant("statement", power=1, more=0, constant=sp.Rational(4, 7)),
    "16/7 -> 4": Mutant("statement", weaker="4 > 16/7", constant=4),
}
