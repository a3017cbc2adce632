"""The factorisation machine of `freqopt.problems.factorisation_machine`."""

from __future__ import annotations

from typing import Any

import numpy as np

from freqopt.backends.numba.arithmetic._fold import fold_rows
from freqopt.backends.numba.arithmetic._rows import fold
from freqopt.backends.numba.jit._compile import inlined
from freqopt.backends.numba.problems._kernel import Field, ProblemKernel
from freqopt.backends.numba.problems._losses import slope_of
from freqopt.backends.numba.streams._philox import Key, each_word
from freqopt.backends.numba.streams._transforms import index
from freqopt.problems.factorisation_machine import FactorisationMachine
from freqopt.streams import purpose_id

ROWS = np.uint64(purpose_id("rows"))


@inlined
def _pick(s: int, b: int, word: Any, key: Any, step: int, out: Any, data: Any) -> None:
    of_features, of_y = data
    features, bias, y = out
    row, fields = index(word, of_y.size), of_features.shape[1]
    for f in range(fields):
        features[s, b * fields + f] = of_features[row, f]
    bias[s, b], y[s, b] = 0, of_y[row]


def kernel(problem: FactorisationMachine, real: Any) -> ProblemKernel:
    """One row (w, v) of each field and the bias per sample."""
    width, fields = problem.dimension, len(problem.clicks.sizes)
    slope, pick = slope_of("logistic", real), each_word(_pick)

    @inlined
    def draw(
        data: Any, seed: Any, run: Any, first: int, count: int, batch: int, samples: Any
    ) -> None:
        pick(Key(seed, run, ROWS), first, count, batch, samples, data[0])

    @inlined
    def gradient(
        data: Any, tables: Any, places: Any, samples: Any, s: int, batch: int, grads: Any, work: Any
    ) -> None:
        table, biases = tables
        of_rows, of_bias = grads
        features, bias = places
        y = samples[2]
        l2, size = real(data[1]), real(batch)
        # Four parts of `work`: factors, their squares, weights, and the columns' interactions.
        factors, squares = work[: fields * width], work[fields * width : 2 * fields * width]
        weights = work[2 * fields * width : (2 * width + 1) * fields]
        columns = work[(2 * width + 1) * fields :]
        for b in range(batch):
            first = b * fields
            for f in range(fields):
                i = features[s, first + f]
                weights[f] = table[i, 0]
                for c in range(width):
                    v = table[i, 1 + c]
                    factors[f * width + c], squares[f * width + c] = v, v * v
            fold_rows(factors, fields, width)
            fold_rows(squares, fields, width)
            for c in range(width):
                columns[c] = factors[c] * factors[c] - squares[c]
            linear = biases[bias[s, b], 0] + fold(weights, fields)
            score = linear + fold(columns, width) / real(2)
            each = slope(score, real(y[s, b]))
            of_bias[b, 0] = each / size
            for f in range(fields):
                i, n = features[s, first + f], first + f
                of_rows[n, 0] = (each + l2 * table[i, 0]) / size
                for c in range(width):
                    v = table[i, 1 + c]
                    of_rows[n, 1 + c] = (each * (factors[c] - v) + l2 * v) / size

    return ProblemKernel(
        key=f"factorisation_machine {width} {fields}",
        data=(problem.training, problem.l2),
        fields=(
            Field("features", np.int64, fields),
            Field("bias", np.int64),
            Field("y", np.float64),
        ),
        tables={"features": "features", "bias": "bias"},
        draw=draw,
        gradient=gradient,
        scratch=(2 * width + 1) * fields + width,
    )
