"""Skip-gram with negative sampling, `freqopt.problems.sgns`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, NamedTuple

import numba
import numpy as np

from freqopt.backends.numba.arithmetic._elementary import sigmoid, softplus_below
from freqopt.backends.numba.arithmetic._fold import fold_rows, folded
from freqopt.backends.numba.jit._compile import entry, inlined
from freqopt.backends.numba.jit._memory import address, sweep
from freqopt.backends.numba.problems._kernel import Field, ProblemKernel, Star
from freqopt.backends.numba.problems._pairs import pair_draw
from freqopt.backends.numba.problems._passes import passes_draw
from freqopt.backends.numba.problems._slopes import star_slopes
from freqopt.backends.numba.streams._philox import Key, each_word
from freqopt.backends.numba.streams.alias import buckets, pick
from freqopt.problems._arrays import whole
from freqopt.problems._pairs import BLOCK
from freqopt.problems._passes import Passes
from freqopt.problems.sgns import Sgns
from freqopt.streams import purpose_id
from freqopt.streams.fold import fold

NEGATIVES = np.uint64(purpose_id("negatives"))


@inlined
def _negative(s: int, n: int, word: Any, key: Any, step: int, out: Any, data: Any) -> None:
    """Negative n % k of sample n // k; each sample's context stands before its k negatives."""
    table, k = data
    out[s, n // k * (1 + k) + 1 + n % k] = pick(table, word)


class Drawn(NamedTuple):
    """Samples: fields of `ProblemKernel`."""

    key: str
    data: tuple[Any, ...]
    fields: tuple[Field, ...]
    draw: Callable[..., None]
    for_steps: Callable[..., tuple[Any, ...]] | None = None


def _drawn(problem: Sgns) -> Drawn:
    """One centre, one context and k negatives per sample."""
    partners = 1 + problem.negatives
    rows = Field("centres", np.int64), Field("contexts", np.int64, partners)
    table = buckets(problem._noise_table)
    if isinstance(problem.pairs, Passes):
        text = problem.pairs

        def for_steps(seed: int, run: int, first: int, until: int, batch: int) -> tuple[Any, ...]:
            part = text.stretch(seed, run, first * batch, until * batch)
            return part.words, part.first, part.before, part.place, table

        return Drawn("passes", (), rows, passes_draw(problem.negatives), for_steps)

    pairs, draw_negatives = pair_draw(problem.pairs), each_word(_negative)
    draw_pairs = pairs.draw

    @inlined
    def draw(
        data: Any, seed: Any, run: Any, first: int, count: int, batch: int, samples: Any
    ) -> None:
        pair_data, noise_table = data
        centres, contexts, first_contexts = samples
        draw_pairs(pair_data, seed, run, first, count, batch, centres, first_contexts)
        for s in range(count):
            for b in range(batch):
                contexts[s, b * partners] = first_contexts[s, b]
        key, k = Key(seed, run, NEGATIVES), partners - 1
        draw_negatives(key, first, count, batch * k, contexts, (noise_table, k))

    fields = (*rows, Field("", np.int64))
    return Drawn(pairs.key, (pairs.data, table), fields, draw)


def kernel(problem: Sgns, real: Any) -> ProblemKernel:
    """One row against 1 + k others."""
    width, partners = problem.dimension, 1 + problem.negatives
    drawn, dot = _drawn(problem), folded(width, "fmul", real)

    @inlined
    def along_rows(slope: Any, old: Any, rows: Any) -> Any:
        """Slope * u for the partner, and its term slope * v of the centre's fold."""
        u, v = rows
        return slope * u, slope * v

    @inlined
    def gradient(
        data: Any, tables: Any, places: Any, samples: Any, s: int, batch: int, grads: Any, work: Any
    ) -> None:
        u, v = tables
        of_u, of_v = grads
        centres, contexts = places
        for b in range(batch):
            i = address(u, centres[s, b])
            for m in range(partners):
                n = b * partners + m
                j = address(v, contexts[s, n])
                score = dot(i, j)
                slope = real(sigmoid(np.float64(-score if m == 0 else score))) / real(batch)
                out = address(of_v, n), address(work, m * width)
                sweep(along_rows, -slope if m == 0 else slope, out, (i, j), width, real)
            fold_rows(work, partners, width)
            for c in range(width):
                of_u[b, c] = work[c]

    return ProblemKernel(
        key=f"sgns {drawn.key} {width} {partners}",
        data=drawn.data,
        fields=drawn.fields,
        tables={"centres": "centres", "contexts": "contexts"},
        draw=drawn.draw,
        gradient=gradient,
        scratch=partners * width,
        star=Star(partners, star_slopes(width, partners, real)),
        for_steps=drawn.for_steps,
    )


TILE = 64
"""Contexts at a time: their columns stay in the cache while all centres meet them."""
CENTRES = 32
"""So many at a time, in whole blocks of the reference."""


@entry("sgns objective")
def _terms(u: Any, columns: Any, together: Any, apart: Any, terms: Any, sums: Any) -> None:
    """sums[i]: the fold over j of the terms of (2), `Sgns.objective`, for the scores u_i . v_j.

    columns[tile, c] is column c of TILE rows of v; terms[i, tile] has room for as many numbers.
    """
    tiles, width, _ = columns.shape
    size = together.shape[1]
    for tile in range(tiles):
        first = np.uint64(tile * TILE)  # no sign, no index from the end: LLVM makes vectors
        for i in range(len(u)):
            scores = terms[i, tile]
            for j in range(TILE):
                scores[j] = 0.0
            for c in range(0, width - 3, 4):  # in the order of one after the other
                a, b, x, y = u[i, c], u[i, c + 1], u[i, c + 2], u[i, c + 3]
                for j in range(TILE):
                    s = (scores[j] + a * columns[tile, c, j]) + b * columns[tile, c + 1, j]
                    scores[j] = (s + x * columns[tile, c + 2, j]) + y * columns[tile, c + 3, j]
            for c in range(width - width % 4, width):
                for j in range(TILE):
                    scores[j] += u[i, c] * columns[tile, c, j]
            for j in range(min(TILE, size - tile * TILE)):
                s, k = scores[j], first + np.uint64(j)
                linear = apart[i, k] * s if s > 0.0 else -together[i, k] * s
                scores[j] = (together[i, k] + apart[i, k]) * softplus_below(abs(s)) + linear
    for i in range(len(u)):
        fold_rows(terms[i].reshape(-1), size, 1)
        sums[i] = terms[i, 0, 0]


_MATRIX, _TILES = numba.float64[:, ::1], numba.float64[:, :, ::1]
objective_kernel = _terms, (_MATRIX, _TILES, _MATRIX, _MATRIX, _TILES, numba.float64[::1])
"""What `objective` compiles, and the types of its arguments."""


def objective(problem: Sgns, tables: Mapping[str, Any]) -> float:
    """`Sgns.objective`, bit for bit."""
    u, v = (whole(tables[name], shape[0]) for name, shape in problem.shapes.items())
    tiles, total = -(-len(v) // TILE), 0.0
    padded = np.pad(v, [(0, tiles * TILE - len(v)), (0, 0)])
    columns = np.ascontiguousarray(padded.reshape(tiles, TILE, -1).transpose(0, 2, 1))
    blocks = problem._weights()
    while some := list(islice(blocks, max(1, CENTRES * len(v) // BLOCK))):
        parts = [part for part, _, _ in some]
        first, last = parts[0].start, parts[-1].stop
        together, apart = (np.concatenate([block[k] for block in some]) for k in (1, 2))
        terms, sums = np.empty((last - first, tiles, TILE)), np.empty(last - first)
        _terms(u[first:last], columns, together, apart, terms, sums)
        for part in parts:
            total += float(fold(sums[part.start - first : part.stop - first]))
    return total
