"""The ratings of `freqopt.problems.ratings`."""

from __future__ import annotations

from typing import Any

import numpy as np

from freqopt.backends.numba.arithmetic._fold import folded
from freqopt.backends.numba.jit._compile import inlined
from freqopt.backends.numba.jit._memory import address, sweep
from freqopt.backends.numba.problems._kernel import Field, ProblemKernel
from freqopt.backends.numba.problems._losses import slope_of
from freqopt.backends.numba.streams._philox import Key, each_word
from freqopt.backends.numba.streams._transforms import index
from freqopt.problems.ratings import Ratings
from freqopt.streams import purpose_id

RATINGS = np.uint64(purpose_id("ratings"))


@inlined
def _pick(s: int, b: int, word: Any, key: Any, step: int, out: Any, data: Any) -> None:
    of_users, of_items, of_y = data
    users, items, y = out
    row = index(word, of_y.size)
    users[s, b], items[s, b], y[s, b] = of_users[row], of_items[row], of_y[row]


def kernel(problem: Ratings, real: Any) -> ProblemKernel:
    """One row (b, p) of users and one of items per sample."""
    width = problem.dimension
    slope, fold, pick = slope_of(problem.loss, real), folded(width, "fmul", real), each_word(_pick)
    item = np.dtype(real.name).itemsize

    @inlined
    def draw(
        data: Any, seed: Any, run: Any, first: int, count: int, batch: int, samples: Any
    ) -> None:
        pick(Key(seed, run, RATINGS), first, count, batch, samples, data[0])

    @inlined
    def along_rows(constants: Any, old: Any, rows: Any) -> Any:
        """(slope * partner + l2 * row) / B."""
        each, l2, size = constants
        u, v = rows
        return (each * v + l2 * u) / size, (each * u + l2 * v) / size

    @inlined
    def gradient(
        data: Any, tables: Any, places: Any, samples: Any, s: int, batch: int, grads: Any, work: Any
    ) -> None:
        _, centre, decay = data
        u, v = tables
        of_u, of_v = grads
        users, items = places
        y = samples[2]
        l2, size = real(decay), real(batch)
        for b in range(batch):
            i, j = users[s, b], items[s, b]
            of_i, of_j = address(u, i) + item, address(v, j) + item
            score = real(centre) + u[i, 0] + v[j, 0] + fold(of_i, of_j)
            each = slope(score, real(y[s, b]))
            of_u[b, 0], of_v[b, 0] = (each + l2 * u[i, 0]) / size, (each + l2 * v[j, 0]) / size
            out = address(of_u, b) + item, address(of_v, b) + item
            sweep(along_rows, (each, l2, size), out, (of_i, of_j), width, real)

    part = problem.training
    return ProblemKernel(
        key=f"ratings {problem.loss} {width}",
        data=((part.users, part.items, part.y), problem.centre, problem.l2),
        fields=(Field("users", np.int64), Field("items", np.int64), Field("y", np.float64)),
        tables={"users": "users", "items": "items"},
        draw=draw,
        gradient=gradient,
    )
