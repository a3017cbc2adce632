r"""MEM-5: selection by norm is biased

Source
    derived here (docs/theory/memory.md, MEM-5): a measured counter-example.
Problem
    f = x^2/2, minimiser 0; noise +3 with probability 1/4 and -1 with probability 3/4, mean 0.
Algorithm
    SGD_C with C = 5, lambda = 0.7 and the true-minimum threshold, beside the same rule with a FIFO
    buffer on the same noise.
Assumptions
    Noise independent between steps.
Statement
    The mean of x under selection by norm is more than 0.05 below that under FIFO, which tends to
    the minimiser (MEM-4), whatever the step: a vanishing step does not give convergence.
Beware
    Top-C selection keeps the large noise values, so under skewed noise SGD_C settles at a point
    that is not the minimiser, and MEM-4 does not apply to it.
Checks
    the project's SGD_C rule, 32 independent pairs of runs for each setting: median of the
    difference of their averages, with a distribution-free interval.
Literature
    The reason why MEM-1's ball cannot shrink with the step for this rule.
"""

from functools import cache

import numpy as np

from freqopt.optimizers.sgd_c import SGDC
from freqopt.streams import Stream
from freqopt.theory import Check, Mutant, Theorem
from freqopt.theory.engines.medians import median_within

RUNS = 32


def run_average(rule, noise):
    """Mean of x over the second half of a run."""
    table, row, total = np.zeros((1, 1)), np.array([0]), 0.0
    state = rule.init(table)
    for t, push in enumerate(noise):
        rule.step(table, state, row, table + push)
        total += table[0, 0] if 2 * t >= len(noise) else 0.0
    return total / (len(noise) // 2)


@cache  # the mutants change what is claimed, not what is measured
def run_averages(policy, aggregation, rate, steps, seed, likely):
    """The averages of RUNS runs; `likely` is the probability of the large noise, its mean 0."""
    threshold = "minimum" if policy == "top" else "slot0"
    rule = SGDC(lr=rate, capacity=5, threshold=threshold, aggregation=aggregation, policy=policy)
    found = []
    for r in range(RUNS):
        uniform = Stream(seed, r, "skewed noise").uniform(0, steps)
        found.append(run_average(rule, np.where(uniform < likely, (1 - likely) / likely, -1.0)))
    return np.array(found)


def theorem(difference=(-0.4, -0.05), policy="top", likely=0.25):
    """Parts: where the median difference is; the selection; the probability of the large noise."""

    def located(aggregation, rate, steps):
        def run(context):
            given = (aggregation, rate, steps, context.seed, likely)
            found = run_averages(policy, *given) - run_averages("fifo", *given)
            return median_within(found, *difference, context.delta)

        return run

    def check(aggregation, rate, steps, slow=False):
        name = f"norm - FIFO, {aggregation}, alpha = {rate}"
        return Check(
            "statistics", name, located(aggregation, rate, steps), statistical=True, slow=slow
        )

    return Theorem(
        checks=(
            check("sum", 0.1, 200),
            check("mean", 0.1, 200),
            check("sum", 0.01, 3000, slow=True),
            check("mean", 0.01, 3000, slow=True),
        )
    )


MUTANTS = {
    "norm selection is unbiased": Mutant("statement", difference=(-0.03, 0.03)),
    "the bias is positive": Mutant("statement", difference=(0.05, 0.4)),
    "FIFO in place of the norm": Mutant("implementation", policy="fifo"),
    "symmetric noise": Mutant("statement", likely=0.5),
}
