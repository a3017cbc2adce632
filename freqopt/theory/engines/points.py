"""What the picture of a theorem shows: bound, left side and place of every instance evaluated."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from freqopt.theory.engines.sides import Sides, compare
from freqopt.theory.theorem import Claim, Theorem

MOST = 300
"""Instances of a claim that are shown, those that use most of the bound among them."""


@dataclass(frozen=True)
class Point:
    """Both sides of a claim where it is closest to failing on one instance.

    Attributes
    ----------
    claim : str
    T, p : float
        Horizon and frequency at that place; NaN where the instance has none.
    left, bound, trivial : float
        NaN for a trivial bound that is not given.
    share : float
        Of the bound.
    """

    claim: str
    T: float
    p: float
    left: float
    bound: float
    trivial: float
    share: float


def points(theorem: Theorem, store: dict[str, list[Sides]]) -> Iterator[Point]:
    """Of every inequality, at most `MOST` instances each."""
    for claim in theorem.claims:
        if claim.kind == "equal":
            continue
        found = sorted(
            (_point(claim, s) for s in store.get(claim.name, [])), key=lambda x: -x.share
        )
        rest = found[MOST // 2 :]
        yield from found[: MOST // 2]
        yield from rest[:: max(1, len(rest) // (MOST // 2))][: MOST // 2]


def _point(claim: Claim, sides: Sides) -> Point:
    worst = compare(claim, sides)
    left, bound = np.broadcast_arrays(
        *(np.asarray(v, np.float64) for v in (sides.left, sides.right))
    )
    place = int(np.argmax((left == worst.measured) & (bound == worst.bound)))

    def at(value: Any) -> float:
        if value is None:
            return math.nan
        values = np.asarray(value, np.float64)
        if values.size == left.size:
            return float(values.flat[place])
        return float(values) if values.ndim == 0 else math.nan

    time = sides.letters.get("T", sides.letters.get("t"))
    share = worst.ratio if math.isfinite(worst.ratio) else math.nan
    return Point(
        claim.name, at(time), at(sides.letters.get("p")), worst.measured, worst.bound,
        at(sides.trivial), share,
    )  # fmt: skip
