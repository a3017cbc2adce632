"""Averaged iterates of the project's rules: all paths of a few steps, or sampled runs of many.

Theta-bar = sum_t w_t Theta^t / sum_t w_t over the iterates before steps 1 .. T, as the theorems on
convex problems output it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from freqopt.streams import Stream
from freqopt.theory.engines.betting import Draw
from freqopt.theory.engines.enumeration import walk
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.outcomes import Outcomes
from freqopt.typing import Doubles

Gaps = Callable[[dict[str, Doubles]], Doubles]
"""Tables of S copies, each (S, N, d) -> f - f* of each, (S,)."""


def expected_gap(
    begin: Ensemble, law: Outcomes, steps: int, gaps: Gaps, weights: Doubles | None = None
) -> float:
    """E f(Theta-bar) - f*, exactly, over all paths of T - 1 steps."""
    weights = np.ones(steps) if weights is None else weights
    sums = {name: np.zeros((1, *shape)) for name, shape in begin.problem.shapes.items()}
    for weight, stage in zip(weights, walk(begin, law, steps - 1), strict=True):
        probability, ensemble = stage
        times = ensemble.copies // len(next(iter(sums.values())))
        for name, total in sums.items():
            sums[name] = np.repeat(total, times, axis=0) + weight * ensemble.values(name)
    return float(probability @ gaps({n: s / weights.sum() for n, s in sums.items()}))


def sampled_gaps(
    begin: Callable[[int], Ensemble],
    law: Outcomes,
    steps: int,
    gaps: Gaps,
    seed: int,
    weights: Doubles | None = None,
) -> Draw:
    """f(Theta-bar) - f* of independent runs, for the betting engine.

    Parameters
    ----------
    begin : copies -> a fresh ensemble
    """
    weights = np.ones(steps) if weights is None else weights

    def draw(first: int, count: int) -> Doubles:
        ensemble = begin(count)
        stream = Stream(seed, first, "averaged iterates")
        sums = {name: np.zeros((count, *s)) for name, s in ensemble.problem.shapes.items()}
        for t, weight in enumerate(weights):
            for name, total in sums.items():
                total += weight * ensemble.values(name)
            ensemble.step(law.draw(stream, t, count), law.batch)
        return gaps({n: s / weights.sum() for n, s in sums.items()})

    return draw
