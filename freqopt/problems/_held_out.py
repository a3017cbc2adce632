"""Rows kept from training, and what is measured on them."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from freqopt.data.metrics import auc, log_loss, rmse
from freqopt.data.split import count_groups, random_split, time_split
from freqopt.problems._tokens import Instance, Nested
from freqopt.streams import Stream
from freqopt.streams.elementary import sigmoid

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

GROUPS = ("rare", "mid", "head")
EDGES = (10, 100)
"""Least training count of the second and third group."""


class Split(Nested):
    """Which rows are held out."""

    fraction: Annotated[float, Field(ge=0, lt=1)] = Field(0.1, description="Share of the rows.")
    by: Literal["random", "time"] = Field(
        "random", description="Any rows, or the most recent ones."
    )
    seed: Instance = Field(0, description="Seed of a random split.")

    def rows(self, timestamps: Integers) -> tuple[Integers, Integers]:
        """Row numbers for training and for test, each ascending."""
        parts = (1.0 - self.fraction, 0.0, self.fraction)
        if self.by == "time":
            cut = time_split(timestamps, parts)
        else:
            cut = random_split(timestamps.size, Stream(self.seed, 0, "held out"), parts)
        return cut.train, cut.test


def _number_is_fraction(value: Any) -> Any:
    return {"fraction": value} if isinstance(value, int | float) else value


HeldOut: TypeAlias = Annotated[Split, BeforeValidator(_number_is_fraction)]
"""`0.1`, or `{fraction = 0.1, by = "time"}`."""


def by_training_count(counts: Integers, tokens: Integers) -> dict[str, Integers]:
    """Held-out rows by the training count of their token: positions in `tokens`, int64.

    Parameters
    ----------
    counts : int64 (N,)
        Training occurrences of each token.
    tokens : int64 (n,)
        The token of each held-out row.
    """
    group, _ = count_groups(counts, EDGES)
    of_row = group[tokens]
    return {name: np.flatnonzero(of_row == g) for g, name in enumerate(GROUPS)}


def measured(
    squared: bool, scores: Doubles, targets: Doubles, groups: dict[str, Integers]
) -> dict[str, float]:
    """RMSE, or log loss and AUC, on all held-out rows and on each group of them.

    Groups without rows, and for the AUC those with one class only, are left out. Scores that are
    not finite give NaN.
    """
    out: dict[str, float] = {}
    everything = {"": np.arange(targets.size)}
    for name, rows in {**everything, **{f"_{group}": r for group, r in groups.items()}}.items():
        if not rows.size:
            continue
        s, y = scores[rows], targets[rows]
        finite = bool(np.isfinite(s).all())
        if squared:
            out[f"test_rmse{name}"] = rmse(s, y) if finite else math.nan
            continue
        out[f"test_logloss{name}"] = log_loss(sigmoid(s), y) if finite else math.nan
        if y.min() < y.max():
            out[f"test_auc{name}"] = auc(s, y) if finite else math.nan
    return out
