"""The logistic regression of `freqopt.problems.softmax_regression`: every row in every sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from freqopt.backends.numba.arithmetic._elementary import exp
from freqopt.backends.numba.arithmetic._fold import fold_rows
from freqopt.backends.numba.arithmetic._rows import fold
from freqopt.backends.numba.jit._compile import inlined
from freqopt.backends.numba.problems._kernel import Field, ProblemKernel
from freqopt.backends.numba.streams._philox import Key, each_word
from freqopt.backends.numba.streams._transforms import index
from freqopt.problems.softmax_regression import SoftmaxRegression
from freqopt.streams import purpose_id

EXAMPLES = np.uint64(purpose_id("examples"))


@inlined
def _pick(s: int, b: int, word: Any, key: Any, step: int, out: Any, data: Any) -> None:
    out[s, b] = index(word, data.size)


def kernel(problem: SoftmaxRegression, real: Any) -> ProblemKernel:
    """All F + 1 rows per sample, K classes wide."""
    rows, width = problem.shapes["weights"]
    pick = each_word(_pick)

    @inlined
    def draw(
        data: Any, seed: Any, run: Any, first: int, count: int, batch: int, samples: Any
    ) -> None:
        example, every = samples
        pick(Key(seed, run, EXAMPLES), first, count, batch, example, data[1])
        for s in range(count):
            for n in range(every.shape[1]):
                every[s, n] = n % rows

    @inlined
    def softmax(z: Any, copy: Any) -> None:
        """Logits become probabilities, in place."""
        top = z[0]
        for j in range(1, width):
            if z[j] > top or np.isnan(z[j]):
                top = z[j]
        for j in range(width):
            z[j] = copy[j] = real(exp(np.float64(z[j] - top)))
        total = fold(copy, width)
        for j in range(width):
            z[j] /= total

    @inlined
    def gradient(
        data: Any, tables: Any, places: Any, samples: Any, s: int, batch: int, grads: Any, work: Any
    ) -> None:
        """(x_k (q - e_c) + l2 W_k) / B."""
        features, classes, decay = data
        W, out, place, l2, size = tables[0], grads[0], places[0], real(decay), real(batch)
        q, copy = work[:width], work[rows * width :]
        for b in range(batch):
            example = samples[0][s, b]
            for k in range(rows):
                x = real(features[example, k])
                for j in range(width):
                    work[k * width + j] = x * W[place[s, b * rows + k], j]
            fold_rows(work, rows, width)
            softmax(q, copy)
            q[classes[example]] -= real(1)
            for k in range(rows):
                x, i = real(features[example, k]), place[s, b * rows + k]
                for j in range(width):
                    out[b * rows + k, j] = (x * q[j] + l2 * W[i, j]) / size

    features, classes = problem.training
    return ProblemKernel(
        key=f"softmax_regression {rows} {width}",
        data=(features, classes, problem.l2),
        fields=(Field("example", np.int64), Field("", np.int64, rows)),
        tables={"weights": ""},
        draw=draw,
        gradient=gradient,
        scratch=(rows + 1) * width,
    )
