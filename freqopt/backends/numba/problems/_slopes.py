"""Slopes of one centre against its context and negatives, all at once.

What a sigmoid is near, and rounds one way, says how it rounds (`rounded_sigmoid`). Here all of a
sample's are taken side by side, and computed in full if one of them is left open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from freqopt.backends.numba.arithmetic._elementary import sigmoid
from freqopt.backends.numba.arithmetic._fold import folded
from freqopt.backends.numba.arithmetic._side_by_side import folds, near_sigmoids
from freqopt.backends.numba.jit._compile import compiled, inlined
from freqopt.backends.numba.jit._tuples import each


def star_slopes(width: int, partners: int, real: Any) -> Callable[..., Any]:
    """`Star.slopes` of `sgns`: minus sigmoid(-s) for the context, sigmoid(s) for the negatives."""
    dot, single = folded(width, "fmul", real), real == numba.float32

    @inlined
    def score(u: int, v: Any) -> Any:
        return dot(u, v[0])

    @inlined
    def one_by_one(u: int, v: Any) -> Any:
        return each(score, u, v)

    scores = folds(width, partners, real) or one_by_one

    @inlined
    def exact(_: Any, s: Any) -> Any:
        return real(sigmoid(np.float64(s)))

    @compiled
    def in_full(s: Any) -> Any:
        return each(exact, 0, s)

    @inlined
    def slopes(u: int, v: Any) -> Any:
        s = scores(u, v)
        s = (-s[0], *s[1:])
        if single:
            found, sure = near_sigmoids(s)
            if not sure:
                found = in_full(s)
        else:
            found = in_full(s)
        return (-found[0], *found[1:])

    return slopes
