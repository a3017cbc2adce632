r"""MLET-6: conservation law and balancedness

Source
    derived here (docs/theory/factorised.md, MLET-6).
Problem
    W = W1 W2; D = W1'W1/e1 - W2 W2'/e2.
Algorithm
    SGD on both layers from the old values; with decay lambda on both, dense, equal rates.
Assumptions
    (b) and (d) plain SGD.
Statement
    (b) D' - D = e1 g1'g1 - e2 g2 g2', exactly; (c) over a fixed time T e the drift of e D is O(e);
    (d) with decay, D' = (1 - e lambda)^2 D + e (g1'g1 - g2 g2'), gradients without decay;
    (e) not conserved with momentum or AdaGrad.
Beware
    Balance is a property of gradient flow and plain SGD. Momentum and adaptive rules destroy it.
Checks
    identities in rationals; the project's table and rules; the order of the drift when the step is
    halved.
Literature
    Decay creates balance, at the rate e^(-2 lambda t).
"""

from fractions import Fraction

import numpy as np

from freqopt.optimizers.adagrad import AdaGrad
from freqopt.optimizers.sgd import SGD
from freqopt.tables import FactorisedTable
from freqopt.theory import Case, Claim, Mutant, Theorem
from freqopt.theory.exact.factorised import entries, jacobi, random_factors, with_rule


def imbalance(W1, W2, e1, e2):
    return W1.T.dot(W1) / e1 - W2.dot(W2.T) / e2


def gained(i, step):
    W1, W2 = step(i.first, i.second, i.gradient, i.rate1, i.rate2)
    change = imbalance(W1, W2, i.rate1, i.rate2) - imbalance(i.first, i.second, i.rate1, i.rate2)
    return entries(change)


def decayed(i, decay, step):
    """One step at equal rates with decay on both layers, dense."""
    e = i.rate1
    W1, W2 = step(i.first, i.second, i.gradient, e, e)
    return imbalance(W1 - e * decay * i.first, W2 - e * decay * i.second, e, e)


def drift(rate, make=None, time=6.0, n=12, k=4, d=3):
    """|e D| moved over a fixed time on the squared distance to a random matrix."""
    rng = np.random.default_rng(5)
    table = FactorisedTable(0.5 * rng.standard_normal((n, k)), 0.5 * rng.standard_normal((k, d)))
    target, rows = rng.standard_normal((n, d)), np.arange(n)
    rules = {s: SGD(lr=rate) if make is None else make(rate) for s in table.parameters}
    states = {s: rules[s].init(a) for s, a in table.parameters.items()}
    start = imbalance(table.first, table.second, 1.0, 1.0)
    for _ in range(round(time / rate)):
        found = table.batches(rows, table.first.dot(table.second) - target)
        for s, array in table.parameters.items():
            rules[s].step(array, states[s], *found[s])
    return float(np.linalg.norm(imbalance(table.first, table.second, 1.0, 1.0) - start))


def theorem(sign=1, step=jacobi, halving=0.5, decay_power=2, make=None):
    """Parts: the sign of g2 g2'; the step; ratio of drifts; the power in (d); the rule of (c)."""
    real = with_rule()

    def law(i):
        g1, g2 = i.gradient.dot(i.second.T), i.first.T.dot(i.gradient)
        return entries(i.rate1 * g1.T.dot(g1) - sign * i.rate2 * g2.dot(g2.T))

    def with_decay(i):
        e, decay = i.rate1, Fraction(1, 10)
        g1, g2 = i.gradient.dot(i.second.T), i.first.T.dot(i.gradient)
        kept = (1 - e * decay) ** decay_power * imbalance(i.first, i.second, e, e)
        return entries(kept + e * (g1.T.dot(g1) - g2.dot(g2.T)))

    def cases(quick):
        return random_factors(20 if quick else 200, seed=6)

    def rates(quick):
        return [Case(f"rate {e}", rate=e) for e in ((0.02, 0.01) if quick else (0.02, 0.01, 0.005))]

    def ratio_of_drifts(c):
        return drift(c.rate / 2, make) / drift(c.rate, make)

    return Theorem(
        claims=(
            Claim("(b) in rationals", lambda i: gained(i, step), law, "equal", cases),
            Claim(
                "(b) the factorised table",
                lambda i: float(np.abs(np.subtract(gained(i, real), law(i))).max()),
                lambda i: 1e-9,  # entries of D are up to 10^4
                "upper",
                lambda quick: (i.floats() for i in cases(True)),
            ),
            Claim(
                "(d) with decay",
                lambda i: entries(decayed(i, Fraction(1, 10), step)),
                with_decay,
                "equal",
                cases,
            ),
            # First order in e: halving it halves the drift up to a term in e.
            Claim("(c) drift", ratio_of_drifts, lambda c: halving, "equal", rates, tolerance=0.06),
            Claim(
                "(e) drift of momentum and AdaGrad over plain SGD's",
                lambda c: drift(0.01, c.make) / drift(0.01),
                lambda c: 3.0,
                "lower",
                lambda quick: [
                    Case("momentum 0.9", make=lambda e: SGD(lr=e, momentum=0.9)),
                    Case("AdaGrad", make=lambda e: AdaGrad(lr=e)),
                ],
            ),
        )
    )


def gauss_seidel(W1, W2, G, e1, e2):
    new = W1 - e1 * G.dot(W2.T)
    return new, W2 - e2 * new.T.dot(G)


def small_bug(W1, W2, G, e1, e2):
    return jacobi(W1, W2, G, e1 * Fraction(101, 100), e2)


MUTANTS = {
    "plus g2 g2'": Mutant("statement", sign=-1),
    "Gauss-Seidel": Mutant("implementation", step=gauss_seidel),
    "a gradient 1 % too large": Mutant("implementation", step=small_bug),
    "drift of second order": Mutant("statement", halving=0.25),
    "(1 - e lambda) D": Mutant("statement", decay_power=1),
    "AdaGrad conserves": Mutant("implementation", make=lambda e: AdaGrad(lr=e)),
}
