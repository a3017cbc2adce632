"""The slack ledger: every inequality of the descent proof, both sides evaluated exactly.

All paths of a few steps are enumerated with a real rule on a real (non-convex) problem. A bound is
loose by the product of what its lines lose; a wrong implementation breaks the first line long
before it breaks the bound, which notices none of them.
"""

from __future__ import annotations

import numpy as np

from freqopt.streams import fold
from freqopt.theory.engines.enumeration import walk
from freqopt.theory.engines.moments import conditional_deviation
from freqopt.theory.exact.ensemble import Ensemble
from freqopt.theory.exact.outcomes import Outcomes
from freqopt.theory.exact.specified import Specification
from freqopt.theory.verdict import Verdict, Word
from freqopt.typing import Doubles

ROUNDING = 1e-12
"""Excess of a left side over a right side of order 0.1 to 1 that rounding may cause."""


def check_descent(
    begin: Ensemble, law: Outcomes, specification: Specification, steps: int
) -> Verdict:
    """T1 and FA-2, line by line, for batches of one sample and a two-table problem.

    Lines: one-step descent at every state (worst state); the sum over steps with the exact
    conditional variance; f_T >= f*; the variance replaced by its supremum; 1 - L eta/2 >= 7/8.
    """
    problem = begin.problem
    constants = problem.constants
    assert constants.smoothness is not None
    assert constants.deviation is not None
    assert constants.optimum_value is not None
    L = constants.smoothness
    values: list[float] = []
    descent = noise = largest_noise = plain = 0.0
    worst = -np.inf
    previous: tuple[Doubles, Doubles] | None = None
    visits = {name: np.zeros((1, size)) for name, (size, _) in problem.shapes.items()}
    for t, (probability, ensemble) in enumerate(walk(begin, law, steps), start=1):
        states = [_copy(ensemble, s) for s in range(ensemble.copies)]
        f = np.array([problem.objective(s) for s in states])
        values.append(float(probability @ f))
        if previous is not None:
            after = f.reshape(len(previous[0]), len(law)) @ law.probability
            worst = max(worst, float(np.max(after - previous[1])))
        if t > steps:
            break
        allowed = f.copy()
        gradients = [problem.gradient(s) for s in states]
        deviations = [conditional_deviation(problem, s) for s in states]
        for name, p in constants.frequency.items():
            square = np.array([fold(gradient[name] ** 2) for gradient in gradients])
            spread = np.array([deviation[name] ** 2 for deviation in deviations])
            eta = specification(p, visits[name], t) * np.ones(square.shape)
            kept, bought = eta * (1 - L * eta / 2) * square, L / 2 * p**2 * eta**2
            allowed += (bought * spread - kept).sum(axis=1)
            descent += float(probability @ kept.sum(axis=1))
            noise += float(probability @ (bought * spread).sum(axis=1))
            sup = constants.deviation[name] ** 2
            largest_noise += float(probability @ (bought * sup).sum(axis=1))
            plain += float(probability @ (eta * square).sum(axis=1))
            visits[name] = np.repeat(visits[name], len(law), axis=0)
            rows = law.tiled(ensemble.copies)[name]
            visits[name][np.arange(len(rows)), rows] += 1
        previous = (probability, allowed)
    fall = values[0] - constants.optimum_value
    lines = (
        ("sum over steps, exact conditional variance", (values[0] - values[-1] + noise) / descent),
        ("f_T >= f*", (fall + noise) / descent),
        ("variance <= its supremum", (fall + largest_noise) / descent),
        ("1 - L eta/2 >= 7/8", (fall + largest_noise) / plain * 8 / 7),
    )
    broken = worst > ROUNDING or any(share < 1 - ROUNDING for _, share in lines)
    return Verdict(
        "", "", "", Word.REFUTED if broken else Word.EXACT,
        kind="implementation", measured=worst, bound=ROUNDING, ratio=1 / lines[-1][1],
        note=f"{len(law) ** steps} paths; largest one-step excess {worst:.1e}", ledger=lines,
    )  # fmt: skip


def _copy(ensemble: Ensemble, index: int) -> dict[str, Doubles]:
    return {name: ensemble.values(name)[index] for name in ensemble.tables}
