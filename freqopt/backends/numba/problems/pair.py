"""The pairs of `freqopt.problems.pair`: two scores, three losses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from freqopt.backends.numba.arithmetic._elementary import NEAR, near_sigmoid, sigmoid
from freqopt.backends.numba.arithmetic._fold import folded
from freqopt.backends.numba.jit._compile import compiled, inlined
from freqopt.backends.numba.jit._memory import address, prefetch, sweep
from freqopt.backends.numba.problems._kernel import Field, ProblemKernel
from freqopt.backends.numba.problems._losses import slope_of, two_point
from freqopt.backends.numba.problems._pairs import pair_draw
from freqopt.backends.numba.streams._philox import Key, each_word
from freqopt.backends.numba.streams._transforms import uniform
from freqopt.problems.pair import Pair
from freqopt.streams import purpose_id

AHEAD = 8
"""Steps whose planted rows are asked for beforehand."""
LABELS = np.uint64(purpose_id("labels"))


def score_of(score: str, width: int, real: Any) -> Callable[..., Any]:
    """`Score.of` as a compiled function (u, i, v, j) of row i of u and row j of v."""
    fold, root = folded(width, "fmul" if score == "dot" else "fadd", real), math.sqrt(width)
    is_dot = score == "dot"

    @inlined
    def score_of_rows(u: Any, i: int, v: Any, j: int) -> Any:
        total = fold(address(u, i), address(v, j))
        return total if is_dot else total / real(root)

    return score_of_rows


def kernel(problem: Pair, real: Any) -> ProblemKernel:
    """One row of u and one of v per sample."""
    pairs, is_dot = pair_draw(problem.pairs), problem.score == "dot"
    draw_pairs, slope, chancy = pairs.draw, slope_of(problem.loss, real), problem.loss == "logistic"
    width = problem.dimension
    score = score_of(problem.score, width, real)
    planted_score = score_of(problem.score, width, numba.float64)

    @inlined
    def along_rows(slope: Any, old: Any, rows: Any) -> Any:
        """ds/du and ds/dv times the slope."""
        if is_dot:
            return slope * rows[1], slope * rows[0]
        each = slope * real(1 / math.sqrt(width))
        return each, each

    @compiled
    def near_chance(_: Any, planted: tuple[float], given: tuple[()]) -> tuple[float]:
        return (near_sigmoid(planted[0]),)

    @inlined
    def labelled(s: int, b: int, word: Any, key: Any, step: int, y: Any, data: Any) -> None:
        """The label, where y holds the planted score, or in its place what is near its sigmoid."""
        best_u, best_v, noise, i, j = data
        if not chancy:
            y[s, b] = two_point(y[s, b], noise, word)
            return
        u, chance = uniform(word), y[s, b]
        if abs(u - chance) <= NEAR:
            chance = sigmoid(planted_score(best_u, i[s, b], best_v, j[s, b]))
        y[s, b] = 1.0 if u < chance else 0.0

    draw_labels = each_word(labelled)

    @inlined
    def draw(
        data: Any, seed: Any, run: Any, first: int, count: int, batch: int, samples: Any
    ) -> None:
        pair_data, best_u, best_v, noise = data
        i, j, y = samples
        draw_pairs(pair_data, seed, run, first, count, batch, i, j)
        for s in range(count):
            soon = min(s + AHEAD, count - 1)
            for b in range(batch):
                prefetch((address(best_u, i[soon, b]), address(best_v, j[soon, b])), width * 8)
                y[s, b] = planted_score(best_u, i[s, b], best_v, j[s, b])
        if chancy:
            sweep(near_chance, (), (address(y, 0),), (), count * batch, numba.float64)
        planted = (best_u, best_v, noise, i, j)
        draw_labels(Key(seed, run, LABELS), first, count, batch, y, planted)

    @inlined
    def gradient(
        data: Any, tables: Any, places: Any, samples: Any, s: int, batch: int, grads: Any, work: Any
    ) -> None:
        """l'(s; y) ds/du / B and l'(s; y) ds/dv / B."""
        u, v = tables
        of_u, of_v = grads
        rows_u, rows_v = places
        y = samples[2]
        for b in range(batch):
            i, j = rows_u[s, b], rows_v[s, b]
            each = slope(score(u, i, v, j), real(y[s, b])) / real(batch)
            out = address(of_u, b), address(of_v, b)
            sweep(along_rows, each, out, (address(u, i), address(v, j)), width, real)

    best = problem.optimum
    return ProblemKernel(
        key=f"pair {pairs.key} {problem.score} {problem.loss} {width}",
        data=(pairs.data, best["u"], best["v"], problem.noise),
        fields=(Field("u", np.int64), Field("v", np.int64), Field("y", np.float64)),
        tables={"u": "u", "v": "v"},
        draw=draw,
        gradient=gradient,
    )
