"""Exact expectations over all pairs (i, j) without a visit to each, where law and loss split.

Let D be a sum of products, D(i, j) = sum_r p_r(i) q_r(j), and let the expected loss of a pair and
its slope be

    E l = a + b (x_i . y_j)^2,      E l' = c x'_i . y'_j,                                        (1)

x_i and y_j being a few numbers for each row. Then, with sums over the rows of one table each,

    f = a + b sum_r <sum_i p_r(i) x_i x_i^T, sum_j q_r(j) y_j y_j^T>,                            (2)
    sum_j D(i, j) E l' ds/du_i = c sum_r p_r(i) x'_i . sum_j q_r(j) y'_j (ds/du_i)_j^T.          (3)

Sums over rows are folds; those over the few numbers and over r go from the first to the last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from freqopt.problems._arrays import parts
from freqopt.streams import fold
from freqopt.typing import Doubles, Floats

LEAST = 2.0**-12
"""(2) counts only if it is so much of the sum of its terms' sizes: then it is good to 2^-40."""


class Term(NamedTuple):
    """One product of a law: p(i) q(j) for the rows i and j of two slices, zero elsewhere."""

    i: slice
    p: Doubles
    j: slice
    q: Doubles


@dataclass(frozen=True)
class Shift:
    """How far scores are from the planted ones: s_ij - s*_ij = x_i . y_j.

    Attributes
    ----------
    x, y : float64 (n, r), (m, r)
    additive : bool
        x_i = (a_i, 1) and y_j = (1, b_j): the shift is a_i + b_j.
    """

    x: Doubles
    y: Doubles
    additive: bool


class Squares(NamedTuple):
    """An expected loss in the form (1): a, b, and x (n, r) and y (m, r)."""

    constant: float
    factor: float
    x: Doubles
    y: Doubles

    def total(self, law: Iterable[Term]) -> float | None:
        """f by (2); None where it is not finite, or its terms cancel too far."""
        total, size = 0.0, 0.0
        for i, p, j, q in law:
            products = moments(p, self.x[i], self.x[i]) * moments(q, self.y[j], self.y[j])
            total += float(fold(products.reshape(-1)))
            size += float(fold(np.abs(products.reshape(-1))))
        f = self.constant + self.factor * total
        return f if np.isfinite(size) and f >= LEAST * self.factor * size else None


class Products(NamedTuple):
    """The slope of an expected loss in the form (1): c, and x' (n, r) and y' (m, r)."""

    factor: float
    x: Doubles
    y: Doubles

    def weighted(
        self, law: Iterable[Term], along_u: Floats, along_v: Floats
    ) -> tuple[Doubles, Doubles] | None:
        """(3) and its like for j; None where it is not finite.

        Parameters
        ----------
        law : terms
        along_u : float64 (m, d)
            ds(u_i, v_j)/du_i, which depends on j only.
        along_v : float64 (n, d)
            ds(u_i, v_j)/dv_j, which depends on i only.
        """
        of_u, of_v = np.zeros(along_v.shape), np.zeros(along_u.shape)
        for i, p, j, q in law:
            of_u[i] += p[:, None] * product(self.x[i], moments(q, self.y[j], along_u[j]))
            of_v[j] += q[:, None] * product(self.y[j], moments(p, self.x[i], along_v[i]))
        of_u *= self.factor
        of_v *= self.factor
        return (of_u, of_v) if np.isfinite(of_u).all() and np.isfinite(of_v).all() else None


def moments(weights: Doubles, a: Doubles, b: Floats) -> Doubles:
    """sum_k w_k a_k b_k^T, folded over k: (n,), (n, r), (n, d) -> (r, d)."""
    weighted = weights[:, None] * a
    return np.concatenate(
        [
            fold(weighted[:, part, None] * b[:, None, :], axis=0)
            for part in parts(a.shape[1], b.size)
        ]
    )


def product(a: Doubles, b: Doubles) -> Doubles:
    """a b, added from the first of the r numbers to the last: (n, r), (r, d) -> (n, d)."""
    total = np.zeros((len(a), b.shape[1]))
    for of_a, of_b in zip(a.T[:, :, None], b, strict=True):
        total += of_a * of_b
    return total
