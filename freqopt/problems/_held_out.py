"""Rows kept from training, and what is measured on them."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field

from freqopt.data.metrics import auc, log_loss, rmse
from freqopt.data.split import count_groups, leave_last_out, random_split, time_split
from freqopt.errors import ProblemError
from freqopt.problems._parameters import Nested
from freqopt.problems._tokens import Instance
from freqopt.streams import Stream
from freqopt.streams.elementary import sigmoid
from freqopt.typing import Doubles, Integers

GROUPS = ("rare", "mid", "head")
EDGES = (10, 100)
"""Least training count of the second and third group."""


class Split(Nested):
    """Which rows are held out, and for what.

    The test rows are cut off first and are the same for both measures. To choose anything (a rate,
    l2, a schedule) measure "validation": the test rows are then no part of the problem. To report,
    measure "test": all other rows are trained on.
    """

    fraction: Annotated[float, Field(ge=0, lt=1)] = Field(0.1, description="Share of test rows.")
    validation: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.1, description="Share of the other rows that measure = 'validation' keeps back."
    )
    measure: Literal["test", "validation"] = Field(
        "test",
        description="Measure on test rows and train on all others; or measure on validation rows, "
        "train on the rest, and leave the test rows out.",
    )
    by: Literal["random", "time", "user", "official"] = Field(
        "random",
        description="Any rows; the most recent ones; each user's last one (for ratings; then "
        "shares do not count); those that the data name for testing (option `test`; `fraction` "
        "does not count, and validation rows are any of the others).",
    )
    seed: Instance = Field(0, description="Seed of a random split.")

    def rows(
        self,
        timestamps: Integers | None,
        users: Integers | None = None,
        *,
        official: NDArray[np.bool_] | None = None,
        size: int | None = None,
    ) -> tuple[Integers, Integers]:
        """Row numbers for training and for what is measured, each ascending.

        Parameters
        ----------
        timestamps : int64 (n,), or None if there are none
        users : int64 (n,), optional
            For `by = "user"`.
        official : bool (n,), optional
            For `by = "official"`: the test rows.
        size : int
            n, where there are no timestamps.

        Raises
        ------
        ProblemError
            The rows are not known by what they are to be split by.
        """
        if timestamps is None:
            if self.by in ("time", "user"):
                raise ProblemError(
                    f"held_out: by = {self.by!r} needs times, and these data have none; choose "
                    "by = 'random', or name their column with the option timestamp"
                )
            timestamps = np.zeros(size or 0, np.int64)
        if self.by == "official":
            return self._official(official)
        if self.by == "user":
            if users is None:
                raise ProblemError("held_out: by = 'user' is for ratings, and these rows have none")
            last = leave_last_out(users, timestamps)
            if self.measure == "validation":
                return last.train, last.validation
            return np.sort(np.concatenate([last.train, last.validation])), last.test
        rest, test = self._cut(timestamps, self.fraction, "held out")
        if self.measure == "test":
            return rest, test
        train, validation = self._cut(timestamps[rest], self.validation, "validation")
        return rest[train], rest[validation]

    def _official(self, marked: NDArray[np.bool_] | None) -> tuple[Integers, Integers]:
        if marked is None:
            raise ProblemError(
                "held_out: by = 'official' needs rows that the data name for testing; give their "
                "file with the option test, as in options = {test = 'u1.test'}"
            )
        rest, test = np.flatnonzero(~marked), np.flatnonzero(marked)
        if self.measure == "test":
            return rest, test
        train, validation = self._cut(rest, self.validation, "validation")
        return rest[train], rest[validation]

    def _cut(self, timestamps: Integers, share: float, purpose: str) -> tuple[Integers, Integers]:
        """Positions of the rows that stay and of the share that is held out."""
        parts = (1.0 - share, 0.0, share)
        if self.by == "time":
            cut = time_split(timestamps, parts)
        else:
            cut = random_split(timestamps.size, Stream(self.seed, 0, purpose), parts)
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
    measure: str, squared: bool, scores: Doubles, targets: Doubles, groups: dict[str, Integers]
) -> dict[str, float]:
    """RMSE, or log loss and AUC, on all held-out rows and on each group: `test_rmse_rare`, ...

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
            out[f"{measure}_rmse{name}"] = rmse(s, y) if finite else math.nan
            continue
        out[f"{measure}_logloss{name}"] = log_loss(sigmoid(s), y) if finite else math.nan
        if y.min() < y.max():
            out[f"{measure}_auc{name}"] = auc(s, y) if finite else math.nan
    return out
