"""Adversarial search: the instance on which a claim uses the largest share of its bound.

Differential evolution over the claim's search space, maximising the ratio. Random instances alone
are poor adversaries: the loose constants of a theorem hide in its extreme corners.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import differential_evolution

from freqopt.errors import TheoryError
from freqopt.theory.engines.exact import Store, inapplicable, word_of
from freqopt.theory.engines.sides import (
    Comparison,
    Sides,
    as_bytes,
    attained,
    compare,
    evaluate,
    is_vacuous,
    untrue,
)
from freqopt.theory.theorem import Claim, Context, Search, Theorem
from freqopt.theory.verdict import Verdict, Word

QUICK, FULL = 800, 12_000
"""Evaluations of a claim in quick and in full runs."""

KEPT = 300
"""Evaluated instances, those that use most of the bound, that are kept for `resolution`."""


def run(theorem: Theorem, context: Context, store: Store | None = None) -> Iterator[Verdict]:
    """A verdict for each claim with a search space."""
    for claim in theorem.claims:
        if claim.search is not None:
            verdict, seen = search(theorem, claim, claim.search, context)
            if store is not None:
                store.setdefault(claim.name, []).extend(seen)
            yield verdict


def search(
    theorem: Theorem, claim: Claim, space: Search, context: Context
) -> tuple[Verdict, list[Sides]]:
    """Maximise the ratio; stop at the first violation. The verdict, and the hardest instances."""
    budget = max(1, int(space.effort * (QUICK if context.quick else FULL)))
    best: list[Any] = [-math.inf, None, None]
    seen = 0
    broken: list[tuple[str, str]] = []  # what the measured side is beyond, and where
    tried: list[tuple[float, int, Sides]] = []
    outcomes: set[tuple[bytes, bytes]] = set()

    def loss(point: NDArray[np.float64]) -> float:
        nonlocal seen
        seen += 1
        instance = space.make(point)
        if inapplicable(theorem, instance):
            return math.inf
        sides = evaluate(claim, instance)
        outcome = compare(claim, sides)
        outcomes.add((as_bytes(sides.left), as_bytes(sides.right)))
        if which := untrue(claim, sides):
            broken.append((which, sides.name))
        score = math.inf if outcome.violated else _distance(claim, outcome)
        (heapq.heappush if len(tried) < KEPT else heapq.heappushpop)(tried, (score, seen, sides))
        if is_vacuous(claim, sides) and not outcome.violated:
            return -math.log(max(outcome.ratio, 1e-300))
        if score > best[0]:
            best[:] = [score, outcome, sides]
        # Of many times, the early ones use up any bound: what counts is where it has fallen.
        late = attained(claim, sides) if np.size(sides.left) > 1 else math.nan
        return -math.log(max(late if late > 0 else _distance(claim, outcome), 1e-300))

    def stop(*_: Any, **__: Any) -> bool:
        return best[0] == math.inf or bool(broken) or seen >= budget

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
    kept = [sides for _, _, sides in tried]
    outcome, sides = best[1], best[2]
    if len(outcomes) == 1 and seen > 1 and outcome is not None and not outcome.violated:
        raise TheoryError(
            f"claim {claim.name!r}: all {seen} points of the search space have one outcome, so "
            "nothing was searched"
        )
    if broken and not (outcome is not None and outcome.violated):
        note = f"`{broken[0][0]}` is not true: the measured side is beyond it ({seen} instances)"
        found = Verdict("", "adversary", claim.name, Word.REFUTED, kind=claim.kind, note=note)
        return replace(found, witness=broken[0][1]), kept
    if outcome is None:
        word = Word.VACUOUS if outcomes else Word.INAPPLICABLE
        reason = "says anything" if outcomes else "meets the assumptions"
        note = f"no instance of the search space {reason} ({seen} tried)"
        return Verdict("", "adversary", claim.name, word, kind=claim.kind, note=note), kept
    return _verdict(claim, outcome, sides, seen), kept


def _distance(claim: Claim, outcome: Comparison) -> float:
    """How close the claim is to failing: 1 and more is a violation of an inequality."""
    return abs(outcome.ratio - 1) if claim.kind == "equal" else outcome.ratio


def _verdict(claim: Claim, outcome: Comparison, sides: Sides, seen: int) -> Verdict:
    tight = not outcome.violated and word_of(claim, attained(claim, sides)) is Word.TIGHT
    word = Word.TIGHT if tight else Word.UNREFUTED
    return Verdict(
        "",
        "adversary",
        claim.name,
        Word.REFUTED if outcome.violated else word,
        kind=claim.kind,
        measured=outcome.measured,
        bound=outcome.bound,
        ratio=outcome.ratio,
        witness=sides.name,
        note=f"{seen} instances",
    )
