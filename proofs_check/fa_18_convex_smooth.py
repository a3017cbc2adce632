r"""FA-18: convex and smooth losses

Source
    derived here (docs/theory/frequency.md, FA-18).
Problem
    min f(Theta) = E l(Theta; xi), every l(.; xi) convex and L-smooth; R_k = |theta_k^1 - theta_k*|,
    s_k^2 = E[|grad_k l(Theta*; xi)|^2 | k sampled]. Instance: the additive model of two tables.
Algorithm
    SGD with fixed eta_k <= 1/(4L); output the average of the iterates. Then
    eta_k = min{1/(4L), R_k/(s_k sqrt(2 T p_k))}.
Assumptions
    l convex and L-smooth per sample; eta_k <= 1/(4L).
Statement
    E f(Thetabar) - f* <= (1/T) sum_k R_k^2/eta_k + 2 sum_k eta_k p_k s_k^2,
    and with the second step <= (4L/T) sum_k R_k^2 + 2 sqrt 2 sum_k R_k s_k sqrt(p_k/T).
    Sharper, for all eta_k < 1/L, with q_k = 1 - (1-p_k)^T the chance that k is seen at all:
    E f(Thetabar) - f* <= (1/2) sum_k [q_k R_k^2/(T eta_k) + eta_k p_k s_k^2/(1 - eta_k L)];
    at eta_k <= 1/(4L) the constants are 1/2 and 2/3 instead of 1 and 2.
Checks
    witnesses; exact E f of the averaged iterate of the coupled model, random laws and steps; one
    step in exact rationals; the worst case of a token within a band of 5 % (docs/worst_cases.md);
    one lazy token with Huber's loss.
Literature
    The sharper form tends to T2's, which needs tokens that do not interact, as eta L -> 0. It
    splits |g|^2 <= |g - g*|^2/(eta L) + |g*|^2/(1 - eta L) where (10.3) takes 2 and 2.
"""

from fractions import Fraction

import numpy as np
import sympy as sp

from freqopt.theory import (
    Assumption,
    Bound,
    Case,
    Check,
    Claim,
    Hypothesis,
    Mutant,
    Search,
    Step,
    Telescope,
    Theorem,
    total,
)
from freqopt.theory.engines.chain import one_step, per_sample, rows
from freqopt.theory.engines.chain.visits import occupation
from freqopt.theory.exact.additive import additive_moments
from freqopt.theory.exact.functions import points
from freqopt.theory.exact.lone import huber_gap, visits
from freqopt.theory.symbols import R2, L, T, eta, half, p, s2

share_, near, far = sp.symbols("share near far", positive=True)  # eta L; |g - g*|, |g*|
rest = sp.Symbol("rest", positive=True)  # 1 - eta L
V, gap = sp.symbols("V gap", nonnegative=True)
a, b = sp.symbols("a b", real=True)  # squares: sums of eta_k E|g_k - g_k*|^2, eta_k E|g_k*|^2
distances, gaps = (sp.Function(name, nonnegative=True) for name in "vd")
time, falls = sp.Symbol("t", positive=True), sp.Symbol("falls", nonnegative=True)
summed = Telescope(  # v_t = sum_k E|e_k|^2/eta_k, d_t = E f - f* before step t
    "of all tokens",
    "one step",
    time,
    T,
    {V: distances(time), gap: gaps(time), a: sp.sqrt(distances(time + 1) - distances(time)
     + 2 * gaps(time)) - b},
    distances(time),
    gaps(time),
    2 * b**2,
    falls,
)  # fmt: skip
CAP = 1 / 8  # L = 2


def made(name, pairs, noise2, start, steps, eta):
    frequency = np.concatenate([pairs.sum(axis=1), pairs.sum(axis=0)])
    return Case(
        name, pairs=pairs, noise2=noise2, start=start, steps=steps,
        eta=eta, p=frequency, R2=start**2, s2=noise2, T=float(steps), L=2.0, cap=CAP,
    )  # fmt: skip


def from_point(point, tuned):
    sizes = 10 ** (4 * point[4:8] - 2)
    pairs = np.exp(6 * (point[:4] - 0.5)).reshape(2, 2)
    pairs /= pairs.sum()
    frequency = np.concatenate([pairs.sum(axis=1), pairs.sum(axis=0)])
    steps, noise2 = max(1, round(10 ** (2.5 * point[8]))), 10 ** (4 * point[9] - 2)
    start = sizes * np.array([1, 1, 1, 1 if point[11] < 0.5 else -1])
    scale = 10 ** (4 * point[10] - 2)
    best = sizes / np.sqrt(2 * noise2 * steps * frequency)
    eta = np.minimum(CAP, best if tuned else scale / np.sqrt(steps * frequency))
    name = f"T={steps}, noise2={noise2:.3g}, scale={scale:.3g}, D={np.round(pairs.ravel(), 4)}"
    return made(name, pairs, noise2, start, steps, eta)


def lone(chance, steps, eta, cap):
    return Case(
        f"one token, p = {chance:g}, T = {steps}", p=np.array([chance]), steps=steps, cap=cap,
        eta=np.array([eta]), R2=np.array([1.0]), s2=np.array([0.0]), T=float(steps), L=2.0,
    )  # fmt: skip


def lone_cases(quick):
    """Deterministic Huber loss of one token at the largest step."""
    for visited in (1, 5, 20, 100):
        for chance, steps in visits(visited):
            yield lone(chance, steps, CAP, CAP)


def rarely_seen(quick):
    """The same just below 1/L, where the sharper form still holds: what q_k is matters here."""
    for steps in (1, 2, 10):
        for chance in (0.1, 0.3, 0.5):
            yield lone(chance, steps, 0.49, 0.5)


def on_huber(i):
    return huber_gap(float(i.p[0]), i.steps, float(i.eta[0]), i.L)


def random(tuned):
    def draw(quick):
        rng = np.random.default_rng(9)
        for _ in range(30 if quick else 300):
            yield from_point(rng.random(12), tuned)
        pairs, start = np.full((12, 12), 1 / 144), np.ones(24)
        eta = np.full(24, 1 / np.sqrt(2 * 100.0 * 200 / 12))
        yield made("uniform 12 x 12, T = 200", pairs, 100.0, start, 200, eta)

    return draw


def convex_points(quick):
    return points(40, convex=True)


def co_coercive(point):
    """At the largest step, 1/(4L); the noise at the minimiser takes no part."""
    return {"gap": point.df, "a": np.sqrt(point.gg / (4 * point.L))}


def measured(i):
    return additive_moments(i.pairs, i.eta, i.noise2, i.start, i.steps).averaged_objective


def worst_cases(quick, value, *, larger=False):
    """One token, R = L = 1, at the theorem's second step and at larger ones; sides of a band."""

    def row(steps, p, noise2, eta):
        low, high = per_sample.bracket(tuple(occupation(steps, p)), eta, noise2)
        bound = value(p=p, T=steps, eta=eta, R2=1.0, s2=noise2, L=1.0)
        case = f"T = {steps}, p = {p}, s^2 = {noise2}, eta = {eta:.3g}"
        return rows.Row(case, rows.RANDOM, bound, low, high, band=0.05)

    longer = () if quick else ((8, 1.0), (10, 1.0), (16, 0.3), (20, 1.0), (20, 0.3))
    for steps, chance in ((2, 1.0), (4, 0.3), (6, 1.0), *longer):
        for noise2 in (0.09, 1.0, 4.0):
            yield row(steps, chance, noise2, min(0.25, 1 / np.sqrt(2 * noise2 * steps * chance)))
    for steps in (1, 3) if larger else ():
        yield row(steps, 0.3, 1e-3, 0.9)


def one_steps(first, second, power):
    """E|e'|^2 <= |e|^2 - (eta/first) p F + (second/first) p^power eta^2 |g*|^2; basis e, g, g*."""
    for v in one_step.grid(p=("1/100", "1/3", "1"), eta=("1/40", "1/5", "1/4")):
        p, eta, e, g, star = v["p"], v["eta"], (1, 0, 0), (0, 1, 0), (0, 0, 1)
        slack = one_step.moved(e, [(p, (1, -eta, 0)), (1 - p, e)])
        slack = one_step.add(slack, (second / first * p**power * eta**2, one_step.square(star)))
        fall, points = p * eta / first, {0: (e, g), -1: ((0, 0, 0), star)}
        used = {"-1,0": 2 * p * eta, "0,-1": 2 * p * eta - fall}
        yield (
            f"p = {p}, eta = {eta}/L",
            one_step.OneStep(
                3,
                slack,
                [-fall],
                points,
                used,
                Fraction(0),
                Fraction(1),
                uncorrelated={(0, 2): Fraction(0)},
            ),
        )


def theorem(
    first=1,
    second=2,
    horizon=1,
    power=1,
    slow=4,
    root=2 * sp.sqrt(2),
    share=half,
    close=half,
    seen=1,
):
    """Parts: 1 and 2 of (10.3); powers of T and p_k; 4 and 2 sqrt 2 of (10.4); co-coercivity; 1/2
    of the sharper form and the share of T in its q_k.
    """
    chance = 1 - (1 - p) ** (seen * T)
    sharper = close * total(chance * R2 / eta) / T + close * total(eta * p * s2 / (1 - eta * L))
    general = first * total(R2 / eta) / T**horizon + second * total(eta * p**power * s2)
    tuned = slow * L / T * total(R2) + root * total(sp.sqrt(R2 * s2 * p**power / T))
    inverse, best = sp.Symbol("inverse_eta", positive=True), sp.sqrt(R2 / (2 * s2 * T * p))
    return Theorem(
        assumptions=(
            Assumption(
                "eta_k <= 1/(4L); < 1/L in the sharper form", lambda i: i.eta.max() <= i.cap
            ),
        ),
        claims=(
            Claim(
                "(10.3)", measured, Bound(general),
                instances=random(False), search=Search(12, lambda x: from_point(x, False)),
                sharper=Bound(sharper),
            ),
            Claim(
                "(10.4)", measured, Bound(tuned),
                instances=random(True), search=Search(12, lambda x: from_point(x, True)),
            ),
            Claim(
                "sharper", measured, Bound(sharper), instances=random(False),
            ),
            Claim("sharper: one token", on_huber, Bound(sharper), instances=rarely_seen),
            Claim(
                "(10.3): one token", on_huber, Bound(general), instances=lone_cases,
                sharper=Bound(sharper),
            ),
            Claim("(10.4): one token", on_huber, Bound(tuned), instances=lone_cases),
        ),
        hypotheses=(
            Hypothesis(
                "eta |g - g*|^2 <= (f - f*)/2", gap / 2 - a**2, co_coercive, convex_points
            ),
            Hypothesis(
                "1/eta_k <= 4L + 1/best",
                4 * L + 1 / best - inverse,
                lambda i: {"inverse_eta": 1 / i.eta},
                of=("(10.4)",),
            ),
            Hypothesis("eta_k <= best", best - eta, of=("(10.4)",)),
        ),
        steps=(
            Step(  # E|g|^2 <= 2 E|g - g*|^2 + 2 E|g*|^2, the first by co-coercivity and the cap
                "one step",
                V - 2 * gap + (a + b) ** 2,
                V - gap + second * b**2,
                ((1, ((a - b) ** 2,)), (2, (share * gap - a**2,))),
            ),
            Step(  # Jensen, E f(mean) <= the mean of E f, and |Theta^1 - Theta*| in the norm 1/eta
                "the sum over T steps",
                falls / T,
                first * distances(1) / T**horizon + second * b**2,
                ((1 / T, (summed.quantity,)), (1 / T, (distances(T + 1),))),
            ),
            Step(
                "(10.4) from (10.3)",
                R2 * inverse / T + 2 * eta * p * s2,
                slow * L * R2 / T + root * sp.sqrt(R2 * s2 * p**power / T),
                ((1, (R2 / T, 4 * L + 1 / best - inverse)), (2, (p, s2, best - eta))),
            ),
            Step(  # times eta, |g - g*|^2/L is what convexity leaves over; 1 - eta L = rest > 0
                "|g|^2 <= |g - g*|^2/(eta L) + |g*|^2/(1 - eta L)",
                (near + far) ** 2,
                near**2 * (share_ + rest) / share_ + 2 * close * far**2 * (share_ + rest) / rest,
                ((1, (1 / share_, 1 / rest, (rest * near - share_ * far) ** 2)),),
            ),
        ),
        sums=(summed,),
        checks=(
            rows.check("every loss", lambda quick: worst_cases(quick, Bound(general).one_token)),
            rows.check(
                "every loss, sharper bound",
                lambda quick: worst_cases(quick, Bound(sharper).one_token, larger=True),
            ),
            Check(
                "certificate",
                "one step, in rationals",
                lambda context: one_step.verdict(
                    one_steps(Fraction(str(first)), Fraction(str(second)), power)
                ),
            ),
            Check(
                "certificate",
                "one step of the sharper form, in rationals",
                lambda context: one_step.verdict(
                    one_steps(Fraction(1, 2), Fraction(str(close)) / (1 - Fraction(1, 4)), 1)
                ),
            ),
        ),
    )  # fmt: skip


MUTANTS = {
    "T^2 for T": Mutant("statement", horizon=2),
    "R^2/8": Mutant("statement", first=sp.Rational(1, 8)),
    "noise / 8": Mutant("statement", second=sp.Rational(1, 4)),
    "p_k^3 for p_k": Mutant("statement", power=3),
    "co-coercivity without its 1/2": Mutant("proof", share=1),
    "(10.4) root halved": Mutant("proof", root=sp.sqrt(2)),
    "sharper: 1/2 -> 1/8": Mutant("statement", close=sp.Rational(1, 8)),
    "sharper: q with T/2 for T": Mutant("statement", seen=half),
    "sharper: 1/2 -> 1": Mutant("statement", weaker="both terms doubled", close=1),
    "noise x 2": Mutant("statement", weaker="second term doubled", second=4),
}
