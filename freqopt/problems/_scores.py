"""Scores of a pair of rows (u, v), for a batch of pairs and for all pairs of two tables.

The batch forms feed trajectories: sums over columns are folds, in the tables' dtype. The forms for
all pairs serve exact expectations: float64, in orders that suit a block of pairs in the cache.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from freqopt.problems._split import Shift
from freqopt.streams import fold
from freqopt.typing import Doubles, Floats


class Score(ABC):
    """A function s(u, v) of two rows."""

    gradient_norm: ClassVar[float | None]
    """sup |ds/d(u, v)|, or None if there is none."""

    @abstractmethod
    def of(self, u: Floats, v: Floats) -> Floats:
        """Scores of B pairs of rows: (B, d), (B, d) -> (B,)."""

    @abstractmethod
    def partials(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """ds/du and ds/dv of B pairs: each (B, d)."""

    @abstractmethod
    def matrix(self, u: Doubles, v: Doubles) -> Doubles:
        """Scores of every pair: (n, d), (m, d) -> (n, m)."""

    @abstractmethod
    def weighted(self, weights: Doubles, v: Doubles) -> Doubles:
        """sum_j weights_ij ds(u_i, v_j)/du_i: (n, m), (m, d) -> (n, d)."""

    @abstractmethod
    def shift(self, u: Doubles, v: Doubles, planted_u: Doubles, planted_v: Doubles) -> Shift:
        """s(u_i, v_j) - s(planted u_i, planted v_j) for every pair, in split form."""

    @abstractmethod
    def square_partials(self, v: Doubles) -> Doubles:
        """|ds(u, v_j)/du|^2: (m, d) -> (m,)."""

    @abstractmethod
    def planted_scale(self, signal: float, width: int) -> float:
        """Standard deviation of Gaussian entries whose scores have deviation `signal`."""


class Dot(Score):
    """s = sum_c u_c v_c."""

    gradient_norm: ClassVar[float | None] = None

    def of(self, u: Floats, v: Floats) -> Floats:
        """Fold of the products."""
        return fold(u * v)

    def partials(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """(v, u)."""
        return v, u

    def matrix(self, u: Doubles, v: Doubles) -> Doubles:
        """Products added from the first column to the last."""
        columns = zip(u.T[:, :, None], np.ascontiguousarray(v.T), strict=True)
        total = np.zeros((len(u), len(v)))
        product = np.empty_like(total)
        for of_u, of_v in columns:
            total += np.multiply(of_u, of_v, out=product)
        return total

    def weighted(self, weights: Doubles, v: Doubles) -> Doubles:
        """Fold over the pairs' second members."""
        columns = [fold(weights * column) for column in np.ascontiguousarray(v.T)]
        return np.stack(columns, axis=1)

    def shift(self, u: Doubles, v: Doubles, planted_u: Doubles, planted_v: Doubles) -> Shift:
        """u . v - u* . v* = u . (v - v*) + (u - u*) . v*."""
        x = np.concatenate([u, u - planted_u], axis=1)
        return Shift(x, np.concatenate([v - planted_v, planted_v], axis=1), additive=False)

    def square_partials(self, v: Doubles) -> Doubles:
        """|v_j|^2."""
        return fold(v * v)

    def planted_scale(self, signal: float, width: int) -> float:
        """The variance of s is d scale^4."""
        return math.sqrt(signal / math.sqrt(width))


class Sum(Score):
    """s = sum_c (u_c + v_c) / sqrt(d): the additive model when d = 1."""

    gradient_norm: ClassVar[float | None] = math.sqrt(2.0)

    def of(self, u: Floats, v: Floats) -> Floats:
        """Fold of the sums, over sqrt(d)."""
        return fold(u + v) / math.sqrt(u.shape[-1])

    def partials(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:  # noqa: ARG002
        """1/sqrt(d) in every entry."""
        ones = np.full_like(u, 1 / math.sqrt(u.shape[-1]))
        return ones, ones

    def matrix(self, u: Doubles, v: Doubles) -> Doubles:
        """Row sum of u_i plus row sum of v_j."""
        return (fold(u)[:, None] + fold(v)) / math.sqrt(u.shape[-1])

    def weighted(self, weights: Doubles, v: Doubles) -> Doubles:
        """Total weight of each row over sqrt(d), in every column."""
        width = v.shape[-1]
        return np.repeat(fold(weights)[:, None] / math.sqrt(width), width, axis=1)

    def shift(self, u: Doubles, v: Doubles, planted_u: Doubles, planted_v: Doubles) -> Shift:
        """a_i + b_j, what all a_i share being counted to the b_j, so that neither is large."""
        a, b = (fold(x - y) / math.sqrt(x.shape[-1]) for x, y in ((u, planted_u), (v, planted_v)))
        middle = fold(a) / len(a)
        a, b = a - middle, b + middle
        x = np.stack([a, np.ones_like(a)], axis=1)
        return Shift(x, np.stack([np.ones_like(b), b], axis=1), additive=True)

    def square_partials(self, v: Doubles) -> Doubles:
        """1."""
        return np.ones(len(v))

    def planted_scale(self, signal: float, width: int) -> float:  # noqa: ARG002
        """The variance of s is 2 scale^2."""
        return signal / math.sqrt(2.0)


SCORES: dict[str, Score] = {"dot": Dot(), "sum": Sum()}
