r"""FA-18: convex and smooth losses

Source
    derived here (theory/fa_sgd.md, FA-18).
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
Checks
    witnesses; exact E f of the averaged iterate of the coupled model, random laws and steps.
Literature
    Constants twice those of T2, which needs tokens that do not interact.
"""

import numpy as np
import sympy as sp

from freqopt.theory import Assumption, Bound, Case, Claim, Mutant, Search, Step, Theorem, total
from freqopt.theory.exact.additive import additive_moments
from freqopt.theory.symbols import R2, L, T, eta, half, p, s2

V, gap, quarter = sp.symbols("V gap N2", nonnegative=True)
Q = sp.Symbol("Q", nonnegative=True)  # sum_k eta_k E|g_k - g_k*|^2
CAP = 1 / 8  # L = 2


def made(name, pairs, noise2, start, steps, eta):
    frequency = np.concatenate([pairs.sum(axis=1), pairs.sum(axis=0)])
    return Case(
        name, pairs=pairs, noise2=noise2, start=start, steps=steps,
        eta=eta, p=frequency, R2=start**2, s2=noise2, T=float(steps), L=2.0,
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


def random(tuned):
    def draw(quick):
        rng = np.random.default_rng(9)
        for _ in range(30 if quick else 300):
            yield from_point(rng.random(12), tuned)
        pairs, start = np.full((12, 12), 1 / 144), np.ones(24)
        eta = np.full(24, 1 / np.sqrt(2 * 100.0 * 200 / 12))
        yield made("uniform 12 x 12, T = 200", pairs, 100.0, start, 200, eta)

    return draw


def measured(i):
    return additive_moments(i.pairs, i.eta, i.noise2, i.start, i.steps).averaged_objective


def theorem(first=1, second=2, horizon=1, power=1, slow=4, root=2 * sp.sqrt(2), share=half):
    """Parts: 1 and 2 of (10.3); powers of T and p_k; 4 and 2 sqrt 2 of (10.4); co-coercivity."""
    general = first * total(R2 / eta) / T**horizon + second * total(eta * p**power * s2)
    tuned = slow * L / T * total(R2) + root * total(sp.sqrt(R2 * s2 * p**power / T))
    inverse, best = sp.Symbol("inverse_eta", positive=True), sp.sqrt(R2 / (2 * s2 * T * p))
    return Theorem(
        assumptions=(Assumption("eta_k <= 1/(4L)", lambda i: i.eta.max() <= CAP),),
        claims=(
            Claim(
                "(10.3)", measured, Bound(general),
                instances=random(False), search=Search(12, lambda x: from_point(x, False)),
            ),
            Claim(
                "(10.4)", measured, Bound(tuned),
                instances=random(True), search=Search(12, lambda x: from_point(x, True)),
            ),
        ),
        steps=(
            Step(  # sum eta E|g|^2 <= 2 Q + 2 N2, Q <= (f - f*)/2 by co-coercivity and the cap
                "one step",
                V - 2 * gap + 2 * Q + 2 * quarter,
                V - gap + second * quarter,
                ((2, (share * gap - Q,)),),
            ),
            Step(
                "(10.4) from (10.3)",
                R2 * inverse / T + 2 * eta * p * s2,
                slow * L * R2 / T + root * sp.sqrt(R2 * s2 * p**power / T),
                ((1, (R2 / T, 4 * L + 1 / best - inverse)), (2, (p, s2, best - eta))),
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
    "noise x 2": Mutant("statement", weaker="second term doubled", second=4),
}
