"""Are samples drawn from the stated law? A test whose level is exact for every sample size.

Given counts n_k of n independent draws, the ratio of their probability under a Dirichlet(c p)
mixture of laws to that under the law p itself has mean 1 if p is true, whatever n. So P(ratio >=
1/delta) <= delta, with no asymptotics and no smallest expected count. The mean over several c
covers small and large deviations. Moment identities cannot see a wrong sampler: they never sample.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from freqopt.theory.verdict import Verdict, Word

CONCENTRATIONS = (1e2, 1e3, 1e4, 1e5, 1e6)
"""c: deviations of relative size about 1/sqrt(c p_k)."""


def log_evidence(counts: NDArray[np.int64], law: NDArray[np.float64]) -> float:
    """Log of the e-value against `law` (K,), from counts (K,); inf if an impossible value came."""
    if counts[law == 0].any():
        return math.inf
    counts, p = counts[law > 0], law[law > 0]
    n = counts.sum()
    null = float(np.sum(counts * np.log(p)))
    logs = [
        float(gammaln(c) - gammaln(c + n) + np.sum(gammaln(c * p + counts) - gammaln(c * p))) - null
        for c in CONCENTRATIONS
    ]
    top = max(logs)
    return top + math.log(sum(math.exp(x - top) for x in logs) / len(logs))


def check_sampler(draws: NDArray[np.int64], law: NDArray[np.float64], delta: float) -> Verdict:
    """REFUTED if the draws (n,) are not from the law at level delta, else UNREFUTED."""
    evidence = log_evidence(np.bincount(draws.ravel(), minlength=len(law)), law)
    limit = math.log(1 / delta)
    return Verdict(
        "", "", "", Word.REFUTED if evidence >= limit else Word.UNREFUTED,
        kind="implementation", measured=evidence, bound=limit, ratio=max(evidence, 0) / limit,
        delta=delta, seeds=draws.size, note="log e-value against the law",
    )  # fmt: skip
