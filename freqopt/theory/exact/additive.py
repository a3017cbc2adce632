"""The additive model of two tables under SGD: a coupled problem whose moments close.

A sample is a pair (i, j) ~ D and a label u*_i + v*_j + noise; the loss is 1/2 (u_i + v_j - y)^2 and
L = 2. With e the error of all tokens, x = e_i + e_j the signal of a sample, H = diag(eta) and
A = [[diag(p_u), D], [D', diag(p_v)]]:

    M_t = E e e',      M' = M - H A M - M A H + H K(M) H,                                  (1)
    C_t = sum_{s <= t} E e_s e_t',      C' = C (I - A H) + M',                             (2)

where K(M) = E[(x^2 + s^2) z z'], z the indicator of the sample's two tokens. From (1): E f of the
last iterate and E |grad_k f|^2; from (2): E f of the averaged iterate. f = 1/2 e' A e.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]


@dataclass(frozen=True)
class AdditiveMoments:
    """Exact expectations; f is counted from its minimum.

    Attributes
    ----------
    objective : (T + 1,), E f before each step and after the last
    averaged_objective : E f of the mean of the first T iterates
    square_gradient : (n + m,), mean over the first T iterates of E (grad_k f)^2
    """

    objective: Matrix
    averaged_objective: Any
    square_gradient: Matrix


def additive_moments(
    pairs: Matrix, eta: Matrix, noise2: Any, start: Matrix, steps: int
) -> AdditiveMoments:
    """Run (1) and (2).

    Parameters
    ----------
    pairs : (n, m), D, floats or Fractions (dtype object)
    eta : (n + m,), one step per token, users first
    noise2 : variance of the label
    start : (n + m,), e before the first step
    steps : T
    """
    A, n = coupling(pairs), pairs.shape[0]
    H = np.diag(eta)
    M = np.outer(start, start)
    C, both = M.copy(), 0 * M
    objective, square = [], 0 * start
    for _ in range(steps):
        objective.append((A * M).sum() / 2)
        AM = A.dot(M)
        square = square + (AM * A).sum(axis=1)  # (A M A)_kk = E (grad_k f)^2
        both = both + C + C.T - M
        M = M - H.dot(AM) - H.dot(AM).T + H.dot(_spread(pairs, M, noise2, n)).dot(H)  # (1)
        C = C - C.dot(A).dot(H) + M  # (2)
    objective.append((A * M).sum() / 2)
    averaged = (A * both).sum() / 2 / steps**2
    return AdditiveMoments(np.array(objective), averaged, square / steps)


def coupling(pairs: Matrix) -> Matrix:
    """A: the Hessian of f."""
    users, items = pairs.sum(axis=1), pairs.sum(axis=0)
    return np.block([[np.diag(users), pairs], [pairs.T, np.diag(items)]])


def _spread(pairs: Matrix, M: Matrix, noise2: Any, n: int) -> Matrix:
    """K(M)."""
    squares = np.diag(M)
    weight = pairs * (squares[:n, None] + squares[None, n:] + 2 * M[:n, n:] + noise2)
    return coupling(weight)
