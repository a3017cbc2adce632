"""FA-19's sharper bound is attained at p = 1: the function, in exact rationals, gamma = mu = 1.

Equality in its proof needs |g_t| = 1 at every step, x_t = sum_{k >= t} 2/(k + 1) g_k (so that the
row after the last step is the minimiser) and F(x_t) = <g_t, x_t> - |x_t|^2/2. These are values of

    F(x) = |x|^2/2 + max{0, <s_1, x>, .., <s_T, x>},   s_t = g_t - x_t,

if s_t is the greatest at x_t: rows that are linear in the Gram matrix of g_1 .. g_T. There are
matrices with room in every row; one is found in floating point and rounded. `replayed` believes
nothing of that.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from freqopt.theory.certificate import Form, need, semidefinite
from freqopt.theory.engines.chain.gram import Programme, product
from freqopt.typing import Doubles

DENOMINATOR = 2**20

Vector = list[Fraction]


def instance(steps: int, *, everywhere: bool = True) -> Form:
    """Gram matrix of g_1 .. g_T.

    Parameters
    ----------
    everywhere : bool
        |gradient| <= 1 on the hull of the rows and the minimiser, not at the rows only. There is
        room for that to T = 11.

    Raises
    ------
    NoValueError
        If the solver gives up.
    """
    programme = Programme(steps, 1)  # unknown: G - room I, and the room

    def roomy(form: Doubles, limit: float) -> None:
        programme.at_most(form, limit, np.array([1.0 + np.trace(form)]))

    g = [programme.unit(t) for t in range(steps)]
    x = [np.where(np.arange(steps) >= t, 2 / np.arange(2.0, steps + 2), 0.0) for t in range(steps)]
    s = [a - b for a, b in zip(g, x, strict=True)]
    for t in range(steps):
        for sign in (1.0, -1.0):
            programme.at_most(sign * product(g[t], g[t]), sign, np.array([sign]))
        if steps > 1:  # alone, s_1 = 0
            roomy(-product(s[t], x[t]), 0.0)
        for i in range(steps):
            if i != t:
                roomy(product(s[i] - s[t], x[t]), 0.0)
                if everywhere:
                    roomy(product(s[i] + x[t], s[i] + x[t]), 1.0)
    gram = programme.solve(np.ones(1)).gram
    rounded = [
        [Fraction(round(v * DENOMINATOR), DENOMINATOR) for v in row] for row in gram.tolist()
    ]
    for t in range(steps):
        rounded[t][t] = Fraction(1)
    return rounded


def replayed(gram: Form, *, everywhere: bool = True) -> Fraction:
    """E F(x_tau), P(tau = t) proportional to t, of steps 2/(t + 1) on this matrix's function.

    Vectors are coefficients of g_1 .. g_T. At every row the greatest piece is looked up anew.

    Raises
    ------
    RefusedError
        If the matrix is of no vectors, or a gradient is longer than 1.
    """
    semidefinite(gram, "the Gram matrix")
    T = len(gram)
    x = [[Fraction(2 * (k >= t), k + 2) for k in range(T)] for t in range(T)]
    zero = [Fraction(0)] * T
    slopes = [zero, *([(i == t) - v for i, v in enumerate(x[t])] for t in range(T))]
    row, total, met = x[0], Fraction(0), [zero]
    for t in range(1, T + 1):
        heights = [_inner(gram, slope, row) for slope in slopes]
        height = max(heights)
        slope = slopes[heights.index(height)]
        gradient = [a + b for a, b in zip(slope, row, strict=True)]
        need(_inner(gram, gradient, gradient) <= 1, "gradients of at most 1 at the rows")
        total += t * (_inner(gram, row, row) / 2 + height)
        met.append(row)
        row = [a - Fraction(2, t + 1) * b for a, b in zip(row, gradient, strict=True)]
    for corner in met if everywhere else []:  # |slope + x| is convex in x: corners suffice
        for slope in slopes:
            gradient = [a + b for a, b in zip(slope, corner, strict=True)]
            need(_inner(gram, gradient, gradient) <= 1, "gradients of at most 1 on the hull")
    return total / Fraction(T * (T + 1), 2)


def _inner(gram: Form, a: Vector, b: Vector) -> Fraction:
    image = (sum((u * v for u, v in zip(line, b, strict=True)), Fraction(0)) for line in gram)
    return sum((u * v for u, v in zip(a, image, strict=True)), Fraction(0))
