r"""MEM-8: how old a stored gradient gets, official container

Source
    derived here (docs/theory/memory.md, MEM-8).
Problem
    Gradient norms in a band, n_min <= n_t <= R n_min.
Algorithm
    SGD_C's container with decay lambda < 1 that tests against slot 0 of its array.
Assumptions
    the band; lambda < 1.
Statement
    K, the largest delay used, is at most (C+1) D' - 1, D' = floor(ln R/ln(1/lambda)) + 1. Proved
    and loose: seen attained only at R = 1, where K = C.
Beware
    Without a floor on the norms there is no bound at all: MEM-9.
Checks
    the project's rule on sequences in the band, with orthogonal gradients whose use its moves show;
    the priorities that it holds; adversarial search.
Literature
    K is what MEM-1 needs.
"""

import math

import numpy as np

from freqopt.theory import Assumption, Claim, Mutant, Search, Theorem
from freqopt.theory.exact.staleness import age, in_band, in_band_at, priorities, sequences


def theorem(slots=1, spare=1, options=None):
    """Parts: what is added to C; the - 1; options of the rule."""
    chosen = {"threshold": "slot0", **(options or {})}

    def instances(quick):
        rng = np.random.default_rng(19)
        for capacity in (1, 2, 3, 5):
            for decay in (0.5, 0.7, 0.9):
                for ratio in (1.0, 2.0, 10.0):
                    length, count = (40, 2) if quick else (200, 60)
                    for norms in sequences(rng, length, capacity, ratio, count):
                        yield in_band(norms, capacity, decay, ratio, **chosen)

    return Theorem(
        assumptions=(Assumption("norms in the band", lambda c: c.inside),),
        claims=(
            Claim(
                "largest delay",
                lambda c: c.delay,
                lambda c: (c.C + slots) * (math.floor(age(c)) + 1) - spare,
                instances=instances,
                search=Search(14, lambda x: in_band_at(x, chosen), effort=0.2),
            ),
            Claim(
                "priorities",
                lambda c: c.held,
                lambda c: c.stated,
                "equal",
                lambda quick: priorities(190, **chosen),
            ),
        ),
    )


MUTANTS = {
    "C D' - 1": Mutant("statement", slots=0),
    "(C+1) D' - 2": Mutant("statement", spare=2),
    "priorities never decay": Mutant("implementation", options={"priority_decay": 1.0}),
    "(C+2) D' - 1": Mutant("statement", weaker="C + 2 > C + 1", slots=2),
}
