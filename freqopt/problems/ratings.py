"""Matrix factorisation with biases on real ratings.

**Problem.** A sample is a training rating r of item j by user i, each with probability 1/n. With
rows (b, p) of one bias and d factors its score and loss are

    s = centre + b_i + b_j + p_i . p_j,                                                        (1)
    l(s; y) + l2/2 (|row_i|^2 + |row_j|^2),                                                    (2)

    squared     l = 1/2 (s - y)^2,         y = r,           centre = mean training rating
    logistic    l = log(1 + e^s) - y s,    y = [r >= 4],    centre = log-odds of the training mean

f is the mean of (2) over the training ratings, exactly. RMSE, or log loss and AUC, are measured on
held-out ratings, on all and by the training count of their item: rare below 10, mid, head from 100.

**Order of sums.** s = ((centre + b_i) + b_j) + fold(p_i p_j).

**Source.** Koren, Bell & Volinsky, *Matrix factorization techniques for recommender systems*, IEEE
Computer 42(8), 2009, eq. 4 and 5, with the l2 term per rating, so that frequent rows have more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

import freqopt.data as datasets
from freqopt._fields import Finite, NonNegative
from freqopt.errors import ProblemError
from freqopt.problems._arrays import add_rows, normals, parts, whole
from freqopt.problems._baselines import Rated, best_ridge, bias_only, popularity
from freqopt.problems._held_out import HeldOut, Split, by_training_count, measured
from freqopt.problems._losses import Logistic, Loss, Squared
from freqopt.problems._problem import Constants, Problem, Samples, Sparse, Tables
from freqopt.problems._sources import Data, Source
from freqopt.streams import Stream, fold
from freqopt.streams.elementary import log
from freqopt.streams.transforms import index
from freqopt.typing import Doubles, Floats, Integers

Float = TypeVar("Float", bound=np.floating)


@dataclass(frozen=True)
class Part:
    """Training or held-out ratings: users, items int64 (n,) and labels y float64 (n,)."""

    users: Integers
    items: Integers
    y: Doubles


class Ratings(Problem):
    """Ratings by (1) and (2); tables "users" and "items", rows of one bias and d factors."""

    data: Data = Field(Source(name="movielens"), description="The ratings.")
    dimension: PositiveInt = Field(16, description="Factors d; a row is one wider, for its bias.")
    loss: Literal["squared", "logistic"] = Field(
        "squared", description="Of the rating itself, or of rating >= threshold."
    )
    threshold: Finite = Field(4.0, description="Least rating with label 1, for the logistic loss.")
    l2: NonNegative = Field(0.02, description="Weight of the squared rows, per rating.")
    spread: NonNegative = Field(
        0.1, description="Standard deviation of the factors at the start; biases start at 0."
    )
    held_out: HeldOut = Field(Split(), description="Ratings kept for the metrics.")

    @cached_property
    def _parts(self) -> tuple[Part, Part]:
        data = self.data.load(datasets.Ratings)
        y = data.values
        if self.loss == "logistic":
            y = (y >= self.threshold).astype(np.float64)
        train, test = (
            Part(data.users[rows], data.items[rows], y[rows])
            for rows in self.held_out.rows(
                data.timestamps, data.users, official=data.test, size=len(data)
            )
        )
        return train, test

    @property
    def training(self) -> Part:
        """The ratings that are sampled."""
        return self._parts[0]

    @property
    def test(self) -> Part:
        """The ratings that are measured: for test, or for validation."""
        return self._parts[1]

    @cached_property
    def centre(self) -> float:
        """What (1) predicts from rows of zeros.

        Raises
        ------
        ProblemError
            Every training label is the same.
        """
        mean = float(fold(self.training.y) / self.training.y.size)
        if self.loss == "squared":
            return mean
        if not 0.0 < mean < 1.0:
            raise ProblemError(
                f"every training label is {mean:g} with threshold = {self.threshold}; expected "
                "both classes. Choose a threshold inside the range of the ratings"
            )
        return float(log(mean / (1.0 - mean)))

    @cached_property
    def _loss(self) -> Loss:
        return Squared(0.0) if self.loss == "squared" else Logistic()

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Tables "users" and "items"; column 0 is the bias."""
        data, width = self.data.load(datasets.Ratings), 1 + self.dimension
        return {"users": (data.user_ids.size, width), "items": (data.item_ids.size, width)}

    @property
    def biases(self) -> dict[str, int]:
        """Column 0."""
        return {"users": 1, "items": 1}

    @cached_property
    def _counts(self) -> dict[str, Integers]:
        """Training ratings of each row."""
        rows = {"users": self.training.users, "items": self.training.items}
        return {name: np.bincount(rows[name], minlength=n) for name, (n, _) in self.shapes.items()}

    @cached_property
    def constants(self) -> Constants:
        """Frequencies only."""
        total = self.training.y.size
        return Constants(
            frequency={name: count / total for name, count in self._counts.items()},
            notes={
                "frequency": "exact: training count over the number of training ratings",
                "smoothness": "none: the Hessian of a dot score grows with the tables",
                "strong_convexity": "none: not convex",
                "deviation": "none: the deviation grows with the tables",
                "optimum_value": "unknown; at least 0",
                "optimum": "unknown",
            },
        )

    def start(self, seed: int, run: int, dtype: Any = np.float64) -> dict[str, Floats]:
        """Factors N(0, spread^2), biases 0."""
        tables = {}
        for name, shape in self.shapes.items():
            table = self.spread * normals(seed, run, f"start {name}", shape)
            table[:, 0] = 0.0
            tables[name] = table.astype(dtype)
        return tables

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> Samples:
        """Rows "users" and "items", int64, and labels "y", float64: each (S, B)."""
        part = self.training
        row = index(Stream(seed, run, "ratings").words(steps, batch), part.y.size)
        return {"users": part.users[row], "items": part.items[row], "y": part.y[row]}

    def _score(self, u: NDArray[Float], v: NDArray[Float]) -> NDArray[Float]:
        """(1) for rows u, v of shape (B, 1 + d)."""
        return self.centre + u[:, 0] + v[:, 0] + fold(u[:, 1:] * v[:, 1:])

    def _slopes(self, u: Floats, v: Floats, y: Doubles) -> tuple[Floats, Floats]:
        """Derivatives of l(s; y) in the two rows, each (B, 1 + d)."""
        s = self._score(u, v)
        slope = self._loss.slope(s, y.astype(s.dtype))[:, None]
        along_u, along_v = v.copy(), u.copy()
        along_u[:, 0] = along_v[:, 0] = 1  # the bias's partner
        return slope * along_u, slope * along_v

    def losses(self, tables: Tables, samples: Samples) -> Doubles:
        """(2) of each sample."""
        u, v = (np.asarray(tables[n][samples[n]], np.float64) for n in ("users", "items"))
        size = fold(u * u) + fold(v * v)
        loss: Doubles = self._loss.value(self._score(u, v), samples["y"]) + 0.5 * self.l2 * size
        return loss

    def gradients(self, tables: Tables, samples: Samples) -> Sparse:
        """One entry for the user and one for the item of each sample, over B."""
        i, j = samples["users"], samples["items"]
        u, v = tables["users"][i], tables["items"][j]
        of_u, of_v = self._slopes(u, v, samples["y"])
        return {
            "users": (i, (of_u + self.l2 * u) / len(i)),
            "items": (j, (of_v + self.l2 * v) / len(j)),
        }

    # -- exact sums over the training ratings ----------------------------------------------------

    def _chunks(self, tables: dict[str, Doubles]) -> Iterator[tuple[slice, Doubles, Doubles]]:
        """(ratings, rows of their users, rows of their items)."""
        part = self.training
        for rows in parts(part.y.size, 1 + self.dimension):
            yield rows, tables["users"][part.users[rows]], tables["items"][part.items[rows]]

    def objective(self, tables: Tables) -> float:
        """Mean of l, folded in the ratings' order, plus l2/2 sum_k p_k |row_k|^2."""
        doubles, y = self._doubles(tables), self.training.y
        losses = np.empty(y.size)
        for rows, u, v in self._chunks(doubles):
            losses[rows] = self._loss.value(self._score(u, v), y[rows])
        size = sum(
            fold(p * fold(doubles[name] ** 2)) for name, p in self.constants.frequency.items()
        )
        return float(fold(losses) / y.size + 0.5 * self.l2 * size)

    def gradient(self, tables: Tables) -> dict[str, Doubles]:
        """Exact; the ratings of a row are added in their order."""
        doubles, part = self._doubles(tables), self.training
        of_u, of_v = (np.empty((part.y.size, 1 + self.dimension)) for _ in range(2))
        for rows, u, v in self._chunks(doubles):
            of_u[rows], of_v[rows] = self._slopes(u, v, part.y[rows])
        out = {}
        for name, tokens, of_tokens in (("users", part.users, of_u), ("items", part.items, of_v)):
            table, p = doubles[name], self.constants.frequency[name]
            mean = add_rows(tokens, of_tokens, len(table)) / part.y.size
            out[name] = mean + self.l2 * p[:, None] * table
        return out

    def metrics(self, tables: Tables) -> dict[str, float]:
        """RMSE, or log loss and AUC; over all held-out ratings and by group of item."""
        if not self.test.y.size:
            return {}
        doubles = self._doubles(tables)
        u, v = doubles["users"][self.test.users], doubles["items"][self.test.items]
        groups = by_training_count(self._counts["items"], self.test.items)
        score, measure = self._score(u, v), self.held_out.measure
        return measured(measure, self.loss == "squared", score, self.test.y, groups)

    def baselines(self) -> dict[str, dict[str, float]]:
        """Global mean, popularity and bias only; for the squared loss."""
        if self.loss != "squared" or not self.test.y.size:
            return {}
        shape = (self.shapes["users"][0], self.shapes["items"][0])
        seen, test = Rated(*self._fields(self.training)), self.test
        split = self.held_out.model_copy(update={"measure": "validation"})
        inner = self.model_copy(update={"held_out": split})
        inner.__dict__.pop("_parts", None)
        fit, check = (Rated(*self._fields(part)) for part in inner._parts)
        groups = by_training_count(self._counts["items"], test.items)
        scores = {"global mean": np.full(test.y.size, float(seen.y.mean()))}
        for name, model in (("popularity", popularity), ("bias only", bias_only)):

            def error(ridge: float, model: Any = model) -> float:
                miss = model(fit, shape, ridge)(check.users, check.items) - check.y
                return float(fold(miss * miss))

            ridge = best_ridge(error)
            scores[name] = model(seen, shape, ridge)(test.users, test.items)
        measure = self.held_out.measure
        return {name: measured(measure, True, s, test.y, groups) for name, s in scores.items()}

    @staticmethod
    def _fields(part: Part) -> tuple[Integers, Integers, Doubles]:
        return part.users, part.items, part.y

    def _doubles(self, tables: Tables) -> dict[str, Doubles]:
        return {name: whole(tables[name], n) for name, (n, _) in self.shapes.items()}
