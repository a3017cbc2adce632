r"""MEM-7: how old a stored gradient gets, ideal container

Source
    derived here (docs/theory/memory.md, MEM-7).
Problem
    Gradient norms in a band, n_min <= n_t <= R n_min.
Algorithm
    SGD_C's container with decay lambda < 1 that tests against the true minimum.
Assumptions
    the band; lambda < 1.
Statement
    K, the largest delay used, is at most C + floor(ln R/ln(1/lambda)); attained.
Beware
    Without a floor on the norms there is no bound at all: MEM-9.
Checks
    the project's rule on sequences in the band, with orthogonal gradients whose use its moves show;
    adversarial search.
Literature
    K is what MEM-1 needs.
"""

import math

import numpy as np

from freqopt.optimizers.sgd_c import SGDC
from freqopt.theory import Assumption, Case, Claim, Mutant, Search, Theorem


def delays(norms, **options):
    """Largest delay that each step's direction uses, from the second step on.

    The gradient of step t is n_t times the t-th unit vector, so the move of the table names the
    gradients in it.
    """
    rule = SGDC(lr=1.0, **options)
    steps = len(norms)
    table, row = np.zeros((1, steps)), np.array([0])
    state, found = rule.init(table), []
    for t, norm in enumerate(norms):
        gradient = np.zeros((1, steps))
        gradient[0, t] = norm
        before = table.copy()
        rule.step(table, state, row, gradient)
        found.append(t - int(np.flatnonzero(table != before)[0]) if t else 0)
    return np.array(found[1:])


def case(norms, capacity, decay, ratio, options):
    chosen = {"capacity": capacity, "priority_decay": decay, "threshold": "minimum", **options}
    return Case(
        f"C = {capacity}, lambda = {decay:.3g}, R = {ratio:g}",
        delay=delays(norms, **chosen).max(), C=capacity, decay=decay, ratio=ratio,
        inside=norms.min() >= 1 and norms.max() <= ratio * (1 + 1e-12),
    )  # fmt: skip


def age(c):
    """Ln R / ln(1/lambda)."""
    return math.log(c.ratio) / math.log(1 / c.decay)


def sequences(rng, length, capacity, ratio, count):
    """One large gradient first and then the floor, which keeps it longest; random ones."""
    edge = np.ones(length)
    edge[capacity - 1] = ratio
    return [edge, *(ratio ** rng.random((count, length)))]


def theorem(extra=0, options=None, rounding=math.floor):
    """Parts: what is added to the bound; options of the rule; rounding of the age."""
    wrong = options or {}

    def instances(quick):
        rng = np.random.default_rng(16)
        for capacity in (1, 2, 5, 10):
            for decay in (0.5, 0.7, 0.9):
                for ratio in (1.0, 2.0, 10.0, 1000.0):
                    length = int(2 * (capacity + math.log(ratio) / -math.log(decay))) + 5
                    for norms in sequences(rng, length, capacity, ratio, 0 if quick else 5):
                        yield case(norms, capacity, decay, ratio, wrong)

    def chosen(x):
        capacity, decay = 1 + int(4.999 * x[0]), 0.5 + 0.4 * x[1]
        return case(10.0 ** np.repeat(np.round(x[2:], 1), 2), capacity, decay, 10.0, wrong)

    return Theorem(
        assumptions=(Assumption("norms in the band", lambda c: c.inside),),
        claims=(
            Claim(
                "largest delay",
                lambda c: c.delay,
                lambda c: c.C + rounding(age(c)) + extra,
                instances=instances,
                search=Search(14, chosen, effort=0.2),
            ),
        ),
    )


MUTANTS = {
    "C + floor - 1": Mutant("statement", extra=-1),
    "priorities never decay": Mutant("implementation", options={"priority_decay": 1.0}),
    "FIFO keeps C": Mutant("statement", extra=-1, options={"policy": "fifo"}),
    "C + ceil": Mutant("statement", weaker="ceil >= floor", rounding=math.ceil),
}
