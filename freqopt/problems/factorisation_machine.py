"""Factorisation machine for click-through data: fields of tokens of very different size.

**Problem.** A sample is a training row, each with probability 1/n: one token in each of F fields
and a label y in {0, 1}. All fields share one table, "features", in which field f begins at row
sizes[0] + ... + sizes[f-1]; a row holds a linear weight w and d factors v. With the bias b, a table
of one number that every sample contains,

    s = b + sum_f w_f + sum_{f<g} v_f . v_g,                                                   (1)
    l = log(1 + e^s) - y s + l2/2 sum_f (w_f^2 + |v_f|^2).                                     (2)

f is the mean of (2) over the training rows, exactly. Log loss and AUC are measured on the others.

**Order of sums.** Folds over fields and over columns, see `machine`.

**Source.** Rendle, *Factorization machines*, ICDM 2010, eq. 1 and lemma 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from pydantic import Field, PositiveInt

from freqopt._fields import NonNegative
from freqopt.problems._arrays import add_rows, gather, normals, parts, whole
from freqopt.problems._baselines import naive_bayes
from freqopt.problems._clicks import Clicks, Planted, machine
from freqopt.problems._held_out import HeldOut, Split, measured
from freqopt.problems._losses import Logistic
from freqopt.problems._problem import Constants, Problem, Samples, Sparse, Tables
from freqopt.streams import Stream, fold
from freqopt.streams.elementary import log
from freqopt.streams.transforms import index
from freqopt.typing import Doubles, Floats, Integers

LOSS = Logistic()


class FactorisationMachine(Problem):
    """Clicks by (1) and (2); tables "features" (N, 1 + d) and "bias" (1, 1)."""

    clicks: Clicks = Field(Planted(), description="The rows.")
    dimension: PositiveInt = Field(8, description="Factors d; a row is one wider, for its weight.")
    l2: NonNegative = Field(0.0, description="Weight of the squared rows, per sample.")
    spread: NonNegative = Field(
        0.05, description="Standard deviation of the factors at the start; weights start at 0."
    )
    held_out: HeldOut = Field(Split(), description="Rows kept for the metrics.")

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Tables "features" and "bias"."""
        return {"features": (sum(self.clicks.sizes), 1 + self.dimension), "bias": (1, 1)}

    @property
    def biases(self) -> dict[str, int]:
        """The linear weight of a row, and the bias."""
        return {"features": 1, "bias": 1}

    @cached_property
    def _rows(self) -> tuple[Integers, Integers]:
        return self.held_out.rows(self.clicks.timestamps)

    @cached_property
    def _features(self) -> Integers:
        """Rows of the table of every sample, training or held out: int64 (n, F)."""
        return self.clicks.tokens + np.add.accumulate((0, *self.clicks.sizes[:-1]))

    @cached_property
    def training(self) -> tuple[Integers, Doubles]:
        """Feature rows int64 (n, F) and labels float64 (n,) of the sampled rows."""
        return self._features[self._rows[0]], self.clicks.labels[self._rows[0]]

    @cached_property
    def test(self) -> tuple[Integers, Doubles]:
        """The same of the held-out rows."""
        return self._features[self._rows[1]], self.clicks.labels[self._rows[1]]

    @cached_property
    def constants(self) -> Constants:
        """Frequencies only."""
        features, y = self.training
        counts = np.bincount(features.reshape(-1), minlength=self.shapes["features"][0])
        return Constants(
            frequency={"features": counts / y.size, "bias": np.ones(1)},
            notes={
                "frequency": "exact: training count over the number of training rows",
                "smoothness": "none: the Hessian of products grows with the tables",
                "strong_convexity": "none: not convex",
                "deviation": "none: the deviation grows with the tables",
                "optimum_value": "unknown; at least 0",
                "optimum": "unknown",
            },
        )

    def start(self, seed: int, run: int, dtype: Any = np.float64) -> dict[str, Floats]:
        """Factors N(0, spread^2), weights and bias 0."""
        features = self.spread * normals(seed, run, "start features", self.shapes["features"])
        features[:, 0] = 0.0
        return {"features": features.astype(dtype), "bias": np.zeros((1, 1), dtype)}

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> Samples:
        """Rows "features", int64 (S, B, F), and "bias", (S, B); labels "y", float64 (S, B)."""
        features, y = self.training
        row = index(Stream(seed, run, "rows").words(steps, batch), y.size)
        return {"features": features[row], "bias": np.zeros_like(row), "y": y[row]}

    def losses(self, tables: Tables, samples: Samples) -> Doubles:
        """(2) of each sample."""
        bias = np.asarray(tables["bias"][samples["bias"]], np.float64)[:, 0]
        rows = np.asarray(gather(tables["features"], samples["features"]), np.float64)
        size = fold(fold(rows * rows))
        loss: Doubles = LOSS.value(machine(bias, rows), samples["y"]) + 0.5 * self.l2 * size
        return loss

    def gradients(self, tables: Tables, samples: Samples) -> Sparse:
        """One entry for each of the F features and one for the bias of each sample, over B."""
        bias, rows = (
            tables["bias"][samples["bias"]],
            gather(tables["features"], samples["features"]),
        )
        slope, of_rows = _slopes(bias[:, 0], rows, samples["y"])
        of_rows = (of_rows + self.l2 * rows) / len(slope)
        return {
            "features": (samples["features"].reshape(-1), of_rows.reshape(-1, rows.shape[-1])),
            "bias": (samples["bias"], slope[:, None] / len(slope)),
        }

    # -- exact sums over the training rows -------------------------------------------------------

    def _chunks(self, features: Integers, table: Doubles) -> Iterator[tuple[slice, Floats]]:
        """(samples, rows (n, F, 1 + d) of their features)."""
        for part in parts(len(features), features.shape[1] * table.shape[1]):
            yield part, gather(table, features[part])

    def _doubles(self, tables: Tables) -> tuple[float, Doubles]:
        """Bias and features."""
        features = whole(tables["features"], self.shapes["features"][0])
        return float(whole(tables["bias"], 1)[0, 0]), features

    def objective(self, tables: Tables) -> float:
        """Mean of the logistic loss, folded in row order, plus l2/2 sum_k p_k |row_k|^2."""
        (features, y), (bias, table) = self.training, self._doubles(tables)
        losses = np.empty(y.size)
        for part, rows in self._chunks(features, table):
            losses[part] = LOSS.value(machine(bias, rows), y[part])
        size = fold(self.constants.frequency["features"] * fold(table * table))
        return float(fold(losses) / y.size + 0.5 * self.l2 * size)

    def gradient(self, tables: Tables) -> dict[str, Doubles]:
        """Exact; the samples of a feature are added in row order."""
        (features, y), (bias, table) = self.training, self._doubles(tables)
        of_rows, slopes = np.empty((*features.shape, table.shape[1])), np.empty(y.size)
        for part, rows in self._chunks(features, table):
            slopes[part], of_rows[part] = _slopes(bias, rows, y[part])
        total = add_rows(features.reshape(-1), of_rows.reshape(-1, table.shape[1]), len(table))
        decay = self.l2 * self.constants.frequency["features"][:, None] * table
        return {
            "features": total / y.size + decay,
            "bias": np.array([[fold(slopes) / y.size]]),
        }

    def metrics(self, tables: Tables) -> dict[str, float]:
        """Log loss and AUC on the held-out rows; of planted clicks also the excess log loss.

        That is the log loss above the one of the planted scores, which no model is below but by
        chance.
        """
        (features, y), (bias, table) = self.test, self._doubles(tables)
        if not y.size:
            return {}
        scores = np.empty(y.size)
        for part, rows in self._chunks(features, table):
            scores[part] = machine(bias, rows)
        found = measured(self.held_out.measure, False, scores, y, {})
        if isinstance(self.clicks, Planted):
            name = f"{self.held_out.measure}_excess"
            found[name] = found[name.replace("excess", "logloss")] - self._planted_loss
        return found

    @cached_property
    def _planted_loss(self) -> float:
        """Log loss of the planted scores on the held-out rows."""
        scores = self.clicks.scores[self._rows[1]]  # type: ignore[union-attr]
        return measured("", False, scores, self.test[1], {})["_logloss"]

    def baselines(self) -> dict[str, dict[str, float]]:
        """The rate of clicks, naive Bayes over the fields; of planted clicks the planted scores."""
        (seen, clicked), (features, y) = self.training, self.test
        if not y.size:
            return {}
        rate = (clicked.sum() + 1) / (clicked.size + 2)
        scores = {
            "global rate": np.full(y.size, float(log(rate / (1 - rate)))),
            "naive Bayes": naive_bayes(seen, clicked, self.shapes["features"][0])(features),
        }
        if isinstance(self.clicks, Planted):
            scores["planted"] = self.clicks.scores[self._rows[1]]
        measure = self.held_out.measure
        return {name: measured(measure, False, s, y, {}) for name, s in scores.items()}


def _slopes(bias: float | Floats, rows: Floats, y: Doubles) -> tuple[Floats, Floats]:
    """Derivatives of the logistic loss in the score, (B,), and in the rows, (B, F, 1 + d)."""
    s = machine(bias, rows)
    slope = LOSS.slope(s, y.astype(s.dtype))
    factors = rows[:, :, 1:]
    along = np.ones_like(rows)
    along[:, :, 1:] = fold(factors, axis=1)[:, None, :] - factors
    return slope, slope[:, None, None] * along
