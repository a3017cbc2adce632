"""Adversarial search: the instance on which a claim uses the largest share of its bound.

Differential evolution over the claim's search space, maximising the ratio. Random instances alone
are poor adversaries: the loose constants of a theorem hide in its extreme corners.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import differential_evolution

from freqopt.theory.engines.exact import Comparison, compare, inapplicable
from freqopt.theory.theorem import Claim, Context, Search, Theorem
from freqopt.theory.verdict import TIGHT_FROM, Verdict, Word

QUICK, FULL = 800, 12_000
"""Evaluations of a claim in quick and in full runs."""


def run(theorem: Theorem, context: Context) -> Iterator[Verdict]:
    """A verdict for each claim with a search space."""
    for claim in theorem.claims:
        if claim.search is not None:
            yield search(theorem, claim, claim.search, context)


def search(theorem: Theorem, claim: Claim, space: Search, context: Context) -> Verdict:
    """Maximise the ratio; stop at the first violation."""
    budget = int(space.effort * (QUICK if context.quick else FULL))
    best: list[Any] = [-math.inf, None, None]
    seen = 0

    def loss(point: NDArray[np.float64]) -> float:
        nonlocal seen
        seen += 1
        instance = space.make(point)
        if inapplicable(theorem, instance):
            return math.inf
        outcome = compare(claim, instance)
        score = math.inf if outcome.violated else outcome.ratio
        if score > best[0]:
            best[:] = [score, outcome, instance]
        return -math.log(max(outcome.ratio, 1e-300))

    def stop(*_: Any, **__: Any) -> bool:
        return best[0] == math.inf or seen >= budget

    members = max(5, min(15, budget // (20 * space.dimension)))
    differential_evolution(
        loss,
        [(0.0, 1.0)] * space.dimension,
        rng=np.random.default_rng(context.seed),
        popsize=members,
        maxiter=max(1, budget // (members * space.dimension)),
        tol=1e-10,
        polish=False,
        callback=stop,
        init="sobol",
    )
    outcome, instance = best[1], best[2]
    if outcome is None:
        note = f"no instance of the search space meets the assumptions ({seen} tried)"
        return Verdict("", "adversary", claim.name, Word.INAPPLICABLE, kind=claim.kind, note=note)
    return _verdict(claim, outcome, instance, seen)


def _verdict(claim: Claim, outcome: Comparison, instance: Any, seen: int) -> Verdict:
    word = Word.TIGHT if outcome.ratio >= TIGHT_FROM else Word.UNREFUTED
    return Verdict(
        "",
        "adversary",
        claim.name,
        Word.REFUTED if outcome.violated else word,
        kind=claim.kind,
        measured=outcome.measured,
        bound=outcome.bound,
        ratio=outcome.ratio,
        witness=instance.name,
        note=f"{seen} instances",
    )
