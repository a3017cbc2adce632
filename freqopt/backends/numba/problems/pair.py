"""The pairs of `freqopt.problems.pair`: two scores, three losses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from freqopt.backends.numba._compile import inlined
from freqopt.backends.numba._rows import fold
from freqopt.backends.numba.problems._kernel import Field, ProblemKernel
from freqopt.backends.numba.problems._losses import label_of, slope_of
from freqopt.backends.numba.problems._pairs import pair_draw
from freqopt.backends.numba.streams._philox import Key, each_word
from freqopt.problems.pair import Pair
from freqopt.streams import purpose_id

LABELS = np.uint64(purpose_id("labels"))


def score_of(score: str, real: Any) -> Callable[..., Any]:
    """`Score.of` as a compiled function (u, i, v, j, work) of row i of u and row j of v."""

    @inlined
    def dot(u: Any, i: int, v: Any, j: int, work: Any) -> Any:
        width = u.shape[1]
        for c in range(width):
            work[c] = u[i, c] * v[j, c]
        return fold(work, width)

    @inlined
    def total(u: Any, i: int, v: Any, j: int, work: Any) -> Any:
        width = u.shape[1]
        for c in range(width):
            work[c] = u[i, c] + v[j, c]
        return fold(work, width) / real(math.sqrt(width))

    return dot if score == "dot" else total


def kernel(problem: Pair, real: Any) -> ProblemKernel:
    """One row of u and one of v per sample."""
    pairs, is_dot = pair_draw(problem.pairs), problem.score == "dot"
    draw_pairs, label, slope = pairs.draw, label_of(problem.loss), slope_of(problem.loss, real)
    score, planted_score = score_of(problem.score, real), score_of(problem.score, numba.float64)

    @inlined
    def labelled(s: int, b: int, word: Any, key: Any, step: int, out: Any, data: Any) -> None:
        best_u, best_v, noise, i, j, wide = data
        planted = planted_score(best_u, i[s, b], best_v, j[s, b], wide)
        out[s, b] = label(planted, noise, word)

    draw_labels = each_word(labelled)

    @inlined
    def draw(
        data: Any, seed: Any, run: Any, first: int, count: int, batch: int, samples: Any, wide: Any
    ) -> None:
        pair_data, best_u, best_v, noise = data
        i, j, y = samples
        draw_pairs(pair_data, seed, run, first, count, batch, i, j)
        planted = (best_u, best_v, noise, i, j, wide)
        draw_labels(Key(seed, run, LABELS), first, count, batch, y, planted)

    @inlined
    def gradient(
        data: Any, tables: Any, samples: Any, s: int, batch: int, grads: Any, work: Any
    ) -> None:
        """l'(s; y) ds/du / B and l'(s; y) ds/dv / B."""
        u, v = tables
        of_u, of_v = grads
        rows_u, rows_v, y = samples
        width = u.shape[1]
        for b in range(batch):
            i, j = rows_u[s, b], rows_v[s, b]
            along = slope(score(u, i, v, j, work), real(y[s, b])) / real(batch)
            for c in range(width):
                if is_dot:
                    of_u[b, c], of_v[b, c] = along * v[j, c], along * u[i, c]
                else:
                    each = along * real(1 / math.sqrt(width))
                    of_u[b, c], of_v[b, c] = each, each

    best = problem.optimum
    return ProblemKernel(
        key=f"pair {pairs.key} {problem.score} {problem.loss}",
        data=(pairs.data, best["u"], best["v"], problem.noise),
        fields=(Field("u", np.int64), Field("v", np.int64), Field("y", np.float64)),
        tables={"u": "u", "v": "v"},
        draw=draw,
        gradient=gradient,
        scratch=problem.dimension,
    )
