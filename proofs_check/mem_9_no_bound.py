r"""MEM-9: no unconditional bound on staleness

Source
    derived here (docs/theory/memory.md, MEM-9).
Problem
    Norms n_t = rho^t with rho <= lambda: gradients that shrink as fast as priorities do.
Algorithm
    SGD_C's container, ideal or official; and with an age cap.
Assumptions
    rho <= lambda.
Statement
    Nothing is ever replaced once the buffer is full: after T steps the oldest item has age T. With
    an age cap K the delay is at most K, whatever the norms, and K where they shrink so.
Beware
    Fixed memory with decay does not imply bounded staleness: that needs a floor on the gradient
    norm or an explicit age cap.
Checks
    the project's rule, 300 steps of orthogonal gradients, whose use its moves show; equality.
Literature
    The condition that MEM-1 needs and the abstract does not name.
"""

import numpy as np

from freqopt.theory import Assumption, Case, Claim, Mutant, Theorem
from freqopt.theory.exact.staleness import delays


def theorem(rate=0.65, options=None, cap_slack=0, largest=1):
    """Parts: rho; the rule's options; what is added to the age cap; the largest rho/lambda."""
    steps = 300

    def shrinking(quick):
        for threshold in ("minimum", "slot0"):
            for capacity in (1, 3, 10):
                given = {"capacity": capacity, "priority_decay": 0.7, "threshold": threshold}
                found = delays(rate ** np.arange(steps), **{**given, **(options or {})})
                yield Case(f"{threshold}, C = {capacity}", delays=found, ratio=rate / 0.7)
            # rho = lambda = 1/2: a tie in every step, exact in binary; acceptance is strict.
            given = {"capacity": 1, "priority_decay": 0.5, "threshold": threshold}
            found = delays(0.5 ** np.arange(steps), **{**given, **(options or {})})
            yield Case(f"{threshold}, ties", delays=found, ratio=1.0)

    def capped(quick):
        rng = np.random.default_rng(17)
        for age in (1, 3, 20):
            for norms in (0.65 ** np.arange(steps), 10 ** rng.uniform(0, 2, steps)):
                found = delays(norms, capacity=5, priority_decay=0.7, max_age=age)
                shrinks = norms[-1] < 1e-9
                name = f"age cap {age}" + (", shrinking" if shrinks else "")
                yield Case(name, delays=found, ratio=rate / 0.7, cap=age, shrinks=shrinks)

    return Theorem(
        assumptions=(Assumption("rho <= lambda", lambda c: c.ratio <= largest),),
        claims=(
            Claim(
                "the first gradient stays",
                lambda c: c.delays,
                lambda c: np.arange(1, steps),
                "equal",
                shrinking,
            ),
            Claim(
                "age cap",
                lambda c: c.delays.max(),
                lambda c: c.cap + cap_slack,
                instances=capped,
            ),
            Claim(
                "age cap, attained",
                lambda c: c.delays.max(),
                lambda c: c.cap + cap_slack,
                "equal",
                lambda quick: [i for i in capped(quick) if i.shrinks],
            ),
        ),
    )


MUTANTS = {
    "rho above lambda": Mutant("statement", rate=0.75, largest=1.1),
    "FIFO": Mutant("implementation", options={"policy": "fifo"}),
    "an age cap was set": Mutant("implementation", options={"max_age": 20}),
    "age cap K - 1": Mutant("statement", cap_slack=-1),
}
