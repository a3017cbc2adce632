"""Two tables that meet in pairs: the embedding problem of the frequency-aware theory.

**Problem.** A sample is a pair (i, j) ~ D and a label y whose law depends on (i, j); its loss is
l(s(u_i, v_j); y), so f(U, V) = sum_ij D(i, j) E_y l(s(u_i, v_j); y): an exact finite sum.

    score    dot     sum_c u_c v_c
             sum     sum_c (u_c + v_c) / sqrt(d), the additive model for d = 1
    loss     squared    1/2 (s - y)^2,             y = s* +- noise
             logistic   log(1 + e^s) - y s,        y in {0, 1}, P(y = 1) = sigmoid(s*)
             cosine     1 - cos(s - y),            y = s* +- noise

s* is the score of *planted* tables U*, V*. For every pair the expected loss is least at s = s*,
so the planted tables are a minimiser and f* = f(U*, V*) is the noise floor.

**Constants.** Per sample, the Hessian in (u, v) of a sum score is l'' times a matrix of norm 2, so
L = 2 sup|l''|: 2, 1/2, 2. The dot score has no global L. The gradient of row k given k is at most
sup|l'| = 1 with a sum score, so it deviates by at most 1; otherwise it is unbounded, and
`conditional_deviation` evaluates it exactly at given tables.

**Source.** Derived here, for the setting of arXiv 2110.04844: two tables, a token of each a sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from freqopt._fields import NonNegative, Positive
from freqopt.problems._arrays import normals, whole
from freqopt.problems._losses import Cosine, Logistic, Loss, Squared
from freqopt.problems._pairs import Pairs, Product
from freqopt.problems._problem import Constants, Problem, Samples, Sparse, Tables
from freqopt.problems._scores import SCORES, Score
from freqopt.problems._split import Shift
from freqopt.problems._tokens import Instance
from freqopt.streams import Stream, fold
from freqopt.typing import Doubles, Floats, Integers


class Pair(Problem):
    """sum_ij D(i, j) E_y l(s(u_i, v_j); y); tables "u" (N, d) and "v" (M, d)."""

    pairs: Pairs = Field(Product(), description="Law D of the sampled pair.")
    dimension: PositiveInt = Field(8, description="Width d of a row.")
    score: Literal["dot", "sum"] = Field("dot", description="How two rows make a score.")
    loss: Literal["squared", "logistic", "cosine"] = Field(
        "squared", description="How a score meets its label."
    )
    signal: Positive = Field(1.0, description="Standard deviation of the planted scores.")
    noise: NonNegative = Field(
        0.5, description="The label is the planted score +- noise; not used by the logistic loss."
    )
    spread: NonNegative = Field(
        0.1, description="Standard deviation of the start values; 0 is a saddle of the dot score."
    )
    instance: Instance = Field(0, description="Seed of the planted tables.")

    @model_validator(mode="after")
    def _labels_exist(self) -> Self:
        if self.loss == "cosine" and self.noise >= math.pi / 2:
            raise ValueError(
                f"noise = {self.noise} with loss = 'cosine'; expected less than pi/2 = 1.5708, "
                "beyond which the planted scores no longer are the minimum"
            )
        default = type(self).model_fields["noise"].default
        if self.loss == "logistic" and self.noise != default:
            raise ValueError(
                "noise was given with loss = 'logistic', whose labels are drawn with probability "
                "sigmoid(planted score); leave noise out and set signal"
            )
        return self

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Tables "u" and "v"."""
        size, other = self.pairs.sizes
        return {"u": (size, self.dimension), "v": (other, self.dimension)}

    @property
    def _score(self) -> Score:
        return SCORES[self.score]

    @cached_property
    def _loss(self) -> Loss:
        if self.loss == "logistic":
            return Logistic()
        return Squared(self.noise) if self.loss == "squared" else Cosine(self.noise)

    @cached_property
    def optimum(self) -> dict[str, Doubles]:
        """The planted tables."""
        scale = self._score.planted_scale(self.signal, self.dimension)
        return {
            name: scale * normals(self.instance, 0, f"planted {name}", shape)
            for name, shape in self.shapes.items()
        }

    @cached_property
    def constants(self) -> Constants:
        """f* and, for the sum score, L are exact; deviations are upper bounds."""
        frequency = dict(zip("uv", self.pairs.marginals, strict=True))
        steepest, norm = self._loss.largest_slope, self._score.gradient_norm
        smoothness = None if norm is None else norm * norm * self._loss.curvature
        deviation = None
        if norm is not None and steepest is not None:
            # |grad_k| <= |l'| |ds/du| = |l'|, in a ball of radius 1 about 0.
            deviation = {name: np.full(p.shape, steepest) for name, p in frequency.items()}
        return Constants(
            frequency=frequency,
            smoothness=smoothness,
            deviation=deviation,
            optimum_value=partial(self.objective, self.optimum),
            optimum=self.optimum,
            notes={
                "smoothness": "none: the Hessian of a dot score grows with the tables"
                if smoothness is None
                else "exact: 2 sup|l''|",
                "strong_convexity": "none: moving u and v oppositely leaves every score unchanged",
                "deviation": "none: the deviation grows with the tables; see conditional_deviation"
                if deviation is None
                else "upper bound: sup|l'| = 1, and an unbiased estimate varies by less",
                "optimum_value": "exact: every pair's expected loss is least at its planted score",
                "optimum": "the planted tables; not unique",
            },
        )

    def start(self, seed: int, run: int, dtype: Any = np.float64) -> dict[str, Floats]:
        """Independent N(0, spread^2) entries."""
        return {
            name: (self.spread * normals(seed, run, f"start {name}", shape)).astype(dtype)
            for name, shape in self.shapes.items()
        }

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> Samples:
        """Rows "u" and "v", int64 (S, B), and labels "y", float64 (S, B)."""
        i, j = self.pairs.draw(seed, run, steps, batch)
        planted = self._score.of(self.optimum["u"][i], self.optimum["v"][j])
        words = Stream(seed, run, "labels").words(steps, batch)
        return {"u": i, "v": j, "y": self._loss.labels(planted, words)}

    def losses(self, tables: Tables, samples: Samples) -> Doubles:
        """l(s(u_i, v_j); y) of each sample."""
        u, v = (np.asarray(tables[name][samples[name]], np.float64) for name in "uv")
        return np.asarray(self._loss.value(self._score.of(u, v), samples["y"]), np.float64)

    def gradients(self, tables: Tables, samples: Samples) -> Sparse:
        """l'(s; y) ds/du / B and l'(s; y) ds/dv / B per sample."""
        i, j = samples["u"], samples["v"]
        u, v = tables["u"][i], tables["v"][j]
        s = self._score.of(u, v)
        slope = self._loss.slope(s, samples["y"].astype(s.dtype)) / len(s)
        along_u, along_v = self._score.partials(u, v)
        return {"u": (i, slope[:, None] * along_u), "v": (j, slope[:, None] * along_v)}

    # -- exact sums over all pairs: split (`_split.py`), or block after block of rows of u --------

    def _shift(self, u: Doubles, v: Doubles) -> Shift:
        """How far the scores of all pairs are from the planted ones."""
        return self._score.shift(u, v, self.optimum["u"], self.optimum["v"])

    def _whole(self, tables: Tables) -> tuple[Doubles, Doubles]:
        u, v = (whole(tables[name], shape[0]) for name, shape in self.shapes.items())
        return u, v

    def _blocks(
        self, tables: Tables
    ) -> Iterator[tuple[slice, Doubles, Doubles, Doubles, Doubles, Doubles]]:
        """(rows of u, u (n, d), v (M, d), D, scores and planted scores, each (n, M))."""
        u, v = self._whole(tables)
        matrix, best = self._score.matrix, self.optimum
        for part in self.pairs.parts():
            planted = matrix(best["u"][part], best["v"])
            yield part, u[part], v, self.pairs.rows(part), matrix(u[part], v), planted

    def objective(self, tables: Tables) -> float:
        """f; where it does not split, folded over j, over i within a block, blocks in order."""
        law, split = self.pairs.products(), self._loss.split_mean(self._shift(*self._whole(tables)))
        if law and split and (f := split.total(law)) is not None:
            return f
        total = 0.0
        for _, _, _, weight, s, planted in self._blocks(tables):
            total += float(fold(fold(weight * self._loss.mean(s, planted))))
        return total

    def gradient(self, tables: Tables) -> dict[str, Doubles]:
        """sum_j D(i, j) E l' ds/du_i and its like for v, in the order of `objective`."""
        (u, v), law = self._whole(tables), self.pairs.products()
        split = self._loss.split_slope(self._shift(u, v))
        if law and split:
            # ds/du depends on v alone, and ds/dv on u.
            along_u, along_v = self._score.partials(v, v)[0], self._score.partials(u, u)[1]
            if both := split.weighted(law, along_u, along_v):
                return dict(zip("uv", both, strict=True))
        out = {name: np.zeros(shape) for name, shape in self.shapes.items()}
        for part, u, v, weight, s, planted in self._blocks(tables):
            slopes = weight * self._loss.mean_slope(s, planted)
            out["u"][part] = self._score.weighted(slopes, v)
            out["v"] += self._score.weighted(slopes.T, u)
        return out

    def conditional_deviation(self, tables: Tables) -> dict[str, Doubles]:
        """s_k at these tables: standard deviation of row k's gradient given that k is sampled.

        Exact: sqrt(E[|g_k|^2 | k] - |E[g_k | k]|^2), sums over all pairs. It is H3 of docs/theory
        at these tables, and what FA-18 asks for at the optimum.

        Parameters
        ----------
        tables : mapping of str to array (N, d)

        Returns
        -------
        dict of str to float64 (N,)
            0 for rows that are never sampled.
        """
        squares = {name: np.zeros(shape[0]) for name, shape in self.shapes.items()}
        for part, u, v, weight, s, planted in self._blocks(tables):
            each = weight * self._loss.mean_square_slope(s, planted)
            squares["u"][part] = fold(each * self._score.square_partials(v))
            squares["v"] += fold(each * self._score.square_partials(u)[:, None], axis=0)
        out = {}
        for name, gradient in self.gradient(tables).items():
            p = self.constants.frequency[name]
            p = np.where(p > 0, p, 1.0)
            variance = squares[name] / p - fold((gradient / p[:, None]) ** 2)
            out[name] = np.sqrt(np.maximum(variance, 0.0))
        return out
