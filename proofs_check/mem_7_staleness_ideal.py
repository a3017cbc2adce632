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
    the priorities that it holds; adversarial search.
Literature
    K is what MEM-1 needs.
"""

import math

import numpy as np

from freqopt.theory import Assumption, Claim, Mutant, Search, Theorem
from freqopt.theory.exact.staleness import age, in_band, in_band_at, priorities, sequences


def theorem(extra=0, options=None, rounding=math.floor):
    """Parts: what is added to the bound; options of the rule; rounding of the age."""
    chosen = {"threshold": "minimum", **(options or {})}

    def instances(quick):
        rng = np.random.default_rng(16)
        for capacity in (1, 2, 5, 10):
            for decay in (0.5, 0.7, 0.9):
                for ratio in (1.0, 2.0, 10.0, 1000.0):
                    length = int(2 * (capacity + math.log(ratio) / -math.log(decay))) + 5
                    for norms in sequences(rng, length, capacity, ratio, 0 if quick else 5):
                        yield in_band(norms, capacity, decay, ratio, **chosen)

    return Theorem(
        assumptions=(Assumption("norms in the band", lambda c: c.inside),),
        claims=(
            Claim(
                "largest delay",
                lambda c: c.delay,
                lambda c: c.C + rounding(age(c)) + extra,
                instances=instances,
                search=Search(14, lambda x: in_band_at(x, chosen), effort=0.2),
            ),
            Claim(
                "attained",
                lambda c: c.delay,
                lambda c: c.C + math.floor(age(c)) + extra,
                "equal",
                lambda quick: [
                    in_band(
                        sequences(np.random.default_rng(0), 100, capacity, ratio, 0)[0],
                        capacity,
                        0.7,
                        ratio,
                        **chosen,
                    )
                    for capacity in (1, 2, 5)
                    for ratio in (2.0, 10.0, 1000.0)
                ],
            ),
            Claim(
                "priorities",
                lambda c: c.held,
                lambda c: c.stated,
                "equal",
                lambda quick: priorities(160, **chosen),
            ),
        ),
    )


MUTANTS = {
    "C + floor - 1": Mutant("statement", extra=-1),
    "priorities never decay": Mutant("implementation", options={"priority_decay": 1.0}),
    "FIFO keeps C": Mutant("statement", extra=-1, options={"policy": "fifo"}),
    "C + ceil": Mutant("statement", weaker="ceil >= floor", rounding=math.ceil),
}
