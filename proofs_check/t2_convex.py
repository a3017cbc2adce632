r"""T2: convex losses of tokens that do not interact

Source
    derived here (docs/theory/descent.md, T2).
Problem
    f(Theta) = sum_k p_k F_k(theta_k), F_k convex and L-smooth; R_k = |theta_k^1 - theta_k*|.
Algorithm
    SGD with fixed steps eta_k <= 1/L; output the average of the first T iterates.
Assumptions
    F_k convex, L-smooth; additive noise with E xi = 0, E|xi|^2 <= sigma_k^2; eta_k <= 1/L.
Statement
    E f(Thetabar) - f* <= (1/(2T)) sum_k R_k^2/eta_k + (1/2) sum_k p_k eta_k sigma_k^2. Over all
    diagonal steps it is least at eta_k = R_k/(sigma_k sqrt(T p_k)).
    Sharper: with q_k = 1 - (1-p_k)^T, the chance that k is seen at all,
    E f(Thetabar) - f* <= E f(Theta^tau) - f*
        <= (1/(2T)) sum_k [q_k R_k^2/eta_k + (T p_k - q_k) eta_k sigma_k^2], tau uniform on 1 .. T;
    the second is attained at eta = 1/L for all p, T, R, sigma, by every quadratic of curvature L.
    In particular the noise term may be multiplied by (T-1)/T.
Checks
    witness; exact averaged iterates on quadratics; one step in exact rationals; the worst case over
    all functions of the class and all noise laws, from both sides, T to 20: without noise the bound
    is attained at eta = 1/L by the averaged iterate too.
Literature
    FA-18 allows coupled tokens. Quadratics alone cannot falsify its constants.
"""

from dataclasses import replace
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
    Step,
    Telescope,
    Theorem,
    total,
)
from freqopt.theory.engines.chain import one_step, rows
from freqopt.theory.engines.chain.tokens import Chain
from freqopt.theory.engines.chain.visits import occupation, patterns
from freqopt.theory.exact.functions import points
from freqopt.theory.exact.tokens import power_steps, random_tokens, token_search
from freqopt.theory.symbols import R2, L, T, eta, half, p, sigma2

ee, gg, ge, df = sp.symbols("ee gg ge df", nonnegative=True)  # |e|^2, |F'|^2, <F', e>, F - F*
dd, q1, more, less = sp.symbols("dd q1 more less", nonnegative=True)
distances, gaps = (sp.Function(name, nonnegative=True) for name in "vd")
time, falls = sp.Symbol("t", positive=True), sp.Symbol("falls", nonnegative=True)
STEPS = power_steps(0.5, cap=1.0)


def worst_cases(quick, value):
    """One token, R = L = 1, at the theorem's step and at 1/L; the averaged iterate at p = 1."""

    def row(steps, p, eta, sigma2, output=rows.RANDOM):
        weights = occupation(steps, p) * (output is rows.RANDOM)
        means = patterns(steps, p) if output is rows.MEAN else ()
        noise = {"sigma2": sigma2, "noisy": sigma2 > 0}
        chain = Chain(tuple(weights), (eta,) * (steps - 1), L=1.0, means=means, **noise)
        case = f"T = {steps}, p = {p}, sigma^2 = {sigma2}, eta = {eta:.3g}"
        bound = value(p=p, T=steps, eta=eta, R2=1.0, sigma2=sigma2)
        return rows.row(case, output, bound, chain)

    longer = () if quick else ((12, 1.0), (20, 1.0), (20, 0.5), (20, 0.1))
    for steps, chance in ((1, 0.5), (2, 1.0), (5, 0.5), (8, 0.1), *longer):
        for noise2 in (0.09, 1.0):
            best = min(1.0, 1 / np.sqrt(noise2 * steps * chance))
            for step in sorted({1.0, best} if steps < 20 else {best}):
                yield row(steps, chance, step, noise2)
    for steps, step in ((3, 1.0), (6, 0.25)) if quick else ((3, 1.0), (6, 0.25), (20, 1.0)):
        yield row(steps, 1.0, step, 0.0, rows.MEAN)
        yield row(steps, 1.0, step, 0.0)
    for steps, chance, noise2 in ((2, 0.5, 1.0), (3, 1.0, 0.09)):
        yield row(steps, chance, 1.0, noise2, rows.MEAN)


def one_steps(first, second, power):
    """E|e'|^2 <= |e|^2 - (eta/first) p F + (second/first) p^power eta^2 |xi|^2; basis e, g, xi."""
    for v in one_step.grid(p=("1/100", "1/3", "1"), eta=("1/10", "2/3", "1"), L=("1",)):
        p, eta, e, g, xi = v["p"], v["eta"], (1, 0, 0), (0, 1, 0), (0, 0, 1)
        slack = one_step.moved(e, [(p, (1, -eta, -eta)), (1 - p, e)])
        slack = one_step.add(slack, (second / first * p**power * eta**2, one_step.square(xi)))
        fall, zero = p * eta / first, (0, 0, 0)
        used = {"-1,0": 2 * p * eta, "0,-1": 2 * p * eta - fall}
        yield (
            f"p = {p}, eta = {eta}/L",
            one_step.OneStep(
                3, slack, [-fall], {0: (e, g), -1: (zero, zero)}, used, Fraction(0), v["L"],
                uncorrelated=dict.fromkeys(((0, 2), (1, 2)), Fraction(0)),
            ),
        )  # fmt: skip


def at_the_cap(quick):
    """Quadratics of curvature L at eta = 1/L: E f(Theta^tau) by the recursion of E|e|^2 in time."""
    rng = np.random.default_rng(2)
    for i in range(20 if quick else 200):
        steps, p = int(10 ** rng.uniform(0, 3)), 10 ** rng.uniform(-3, 0)
        size, noise = 10 ** rng.uniform(-2, 2, 2)
        square, total_ = size, 0.0
        for _ in range(steps):
            total_ += p * square / 2
            square = (1 - p) * square + p * noise  # e' = -eta xi when sampled
        letters = {"p": [p], "R2": [size], "sigma2": [noise], "eta": [1.0]}
        letters = {name: np.array(value) for name, value in letters.items()}
        measured = total_ / steps
        yield Case(f"{i}: p = {p:.3g}, T = {steps}", measured=measured, T=float(steps), **letters)


def theorem(first=half, second=half, horizon=1, power=1, cap=1, seen=1, unmoved=1, distant=1):
    """Parts: both halves; powers of T and p_k; the cap times L; the share of T in q_k; the factor
    of q_k before the noise; that of R^2.
    """
    chance = 1 - (1 - p) ** (seen * T)
    visits = T * p - unmoved * chance
    sharp = Bound(total(distant * chance * R2 / eta + visits * eta * sigma2) / (2 * T))
    per_token = first * R2 / eta / T**horizon + second * p**power * eta * sigma2
    bound = Bound(total(per_token))

    def value(i):
        return float(np.sum(i.p * i.curvature * i.average()) / 2)

    def at_start(i):
        c, y = i.contraction  # E|e|^2 stays below its start and its stationary value
        return float(np.sum(i.p * i.curvature * np.maximum(i.R2, y / c)) / 2)

    def best_value(i):
        return float(bound(replace(i, eta=np.sqrt(i.R2 / (i.sigma2 * i.steps * i.p))).letters()))

    summed = Telescope(  # v_t = E|e|^2, d_t = p (E F - F*) before step t
        "of one token",
        "one step of one token",
        time,
        T,
        {
            ee: distances(time),
            df: gaps(time) / p,
            gg: ((distances(time + 1) - distances(time)) / eta + 2 * p * ge) / (eta * p) - sigma2,
        },
        distances(time) / eta,
        gaps(time) / first,
        2 * second * p**power * eta * sigma2,
        falls / first,
    )

    def in_rationals(context):
        return one_step.verdict(one_steps(*map(Fraction, (str(first), str(second))), power))

    return Theorem(
        assumptions=(
            Assumption("lam_k <= L", lambda i: np.max(getattr(i, "curvature", 1)) <= 1),
            Assumption("eta_k <= 1/L", lambda i: i.eta.max() <= 1),
        ),
        claims=(
            Claim(
                "averaged iterate",
                value,
                bound,
                instances=lambda quick: random_tokens(STEPS, 100 if quick else 1000),
                search=token_search(STEPS),
                trivial=at_start,
                sharper=sharp,
            ),
            Claim(
                "the best steps",
                best_value,
                lambda i: float(bound(i.letters())),
                "upper",
                lambda quick: random_tokens(STEPS, 20 if quick else 200, seed=3),
            ),
            Claim("sharper, attained at 1/L", lambda i: i.measured, sharp, instances=at_the_cap),
        ),
        hypotheses=(
            Hypothesis(
                "<F', e> >= F - F* + |F'|^2/(2L)",
                ge - df - gg / (2 * L),
                cases=lambda quick: points(40, convex=True),
            ),
            Hypothesis("eta_k <= 1/L", 1 / L - eta, cases=lambda quick: random_tokens(STEPS, 100)),
        ),
        steps=(
            Step(  # E|e'|^2/eta, with <F', e> >= F - F* + |F'|^2/(2L)
                "one step of one token",
                ee / eta - 2 * p * ge + eta * p * (gg + sigma2),
                ee / eta - p * df / first + 2 * second * eta * p**power * sigma2,
                ((2, (p, ge - df - gg / (2 * L))), (1, (p, gg, cap / L - eta))),
            ),
            Step(  # Jensen, E f(mean) <= the mean of E f, and |e_1| = R
                "the sum over T steps",
                falls / T,
                first * distances(1) / (T**horizon * eta) + second * p**power * eta * sigma2,
                ((first / T, (summed.quantity,)), (first / (T * eta), (distances(T + 1),))),
            ),
            Step(  # q0 >= q1, chances of more than n and n + 1 visits; dd = |e - eta F'|^2
                "what a visit leaves is weighed by the next one",
                -(q1 + more) * dd,
                q1 * (eta**2 * sigma2 - (dd + eta**2 * (sigma2 - less))),
                ((1, (more, dd)), (1, (q1, eta**2, less))),
            ),
        ),
        sums=(summed,),
        checks=(
            rows.check("every function", lambda quick: worst_cases(quick, bound.one_token)),
            rows.check(
                "every function, sharper bound",
                lambda quick: worst_cases(quick, sharp.one_token),
            ),
            Check("certificate", "one step, in rationals", in_rationals),
        ),
    )


MUTANTS = {
    "R^2/4": Mutant("statement", first=sp.Rational(1, 4)),
    "R^2 x 0.49": Mutant("statement", first=sp.Rational(49, 100)),
    "noise / 4": Mutant("statement", second=sp.Rational(1, 8)),
    "T^2 for T": Mutant("statement", horizon=2),
    "p_k^2 in the noise": Mutant("statement", power=2),
    "cap 2/L": Mutant("proof", cap=2),
    "q with T/2 for T": Mutant("statement", seen=half),
    "2 q off the noise": Mutant("statement", unmoved=2),
    "sharper: R^2 x 0.99": Mutant("statement", distant=sp.Rational(99, 100)),
    "sharper: nothing off the noise": Mutant("statement", weaker="T p > T p - q", unmoved=0),
    "1/2 -> 1": Mutant("statement", weaker="both terms doubled", first=1, second=1),
}
