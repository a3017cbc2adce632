"""The quadratics of `freqopt.problems.token_quadratic`."""

from __future__ import annotations

from typing import Any

import numpy as np

from freqopt.backends.numba.jit._compile import inlined
from freqopt.backends.numba.problems._kernel import Field, ProblemKernel
from freqopt.backends.numba.streams._law import draws, find_law
from freqopt.backends.numba.streams._philox import Key, each_word
from freqopt.backends.numba.streams._transforms import normal
from freqopt.problems.token_quadratic import TokenQuadratic
from freqopt.streams import purpose_id

TOKENS, NOISE = (np.uint64(purpose_id(name)) for name in ("tokens", "noise"))
ONE = np.uint64(1)


@inlined
def _signs(s: int, j: int, word: Any, key: Any, step: int, out: Any, data: Any) -> None:
    """Sign j % 64 of word j // 64; a set bit is +1."""
    for bit in range(min(64, out.shape[1] - 64 * j)):
        out[s, 64 * j + bit] = 1.0 if (word >> np.uint64(bit)) & ONE else -1.0


@inlined
def _normals(s: int, j: int, word: Any, key: Any, step: int, out: Any, data: Any) -> None:
    out[s, j] = normal(word)


def kernel(problem: TokenQuadratic, real: Any) -> ProblemKernel:
    """One row per sample."""
    law = find_law(problem.tokens.law)
    draw_tokens = draws(law)
    two_point = problem.noise_law == "two_point"
    draw_noise = each_word(_signs if two_point else _normals)
    signs_per_word = 64 if two_point else 1

    @inlined
    def draw(
        data: Any, seed: Any, run: Any, first: int, count: int, batch: int, samples: Any
    ) -> None:
        tokens, noise = samples
        words = (noise.shape[1] + signs_per_word - 1) // signs_per_word
        draw_tokens(Key(seed, run, TOKENS), first, count, batch, tokens, data[0])
        draw_noise(Key(seed, run, NOISE), first, count, words, noise, ())

    @inlined
    def gradient(
        data: Any, tables: Any, places: Any, samples: Any, s: int, batch: int, grads: Any, work: Any
    ) -> None:
        """lambda_k (theta_k - a_k - sigma_k z) / B."""
        _, optimum, noises, curvatures = data
        theta, out = tables[0], grads[0]
        tokens, z = samples
        width = theta.shape[1]
        for b in range(batch):
            k, row = tokens[s, b], places[0][s, b]
            curvature, sigma = real(curvatures[k]), noises[k]
            for c in range(width):
                noise = real(sigma * z[s, b * width + c])
                residual = theta[row, c] - real(optimum[k, c]) - noise
                out[b, c] = curvature * residual / real(batch)

    return ProblemKernel(
        key=f"token_quadratic {law.key} {problem.noise_law}",
        data=(law.data, problem.optimum, problem.noises, problem.curvatures),
        fields=(Field("tokens", np.int64), Field("noise", np.float64, problem.dimension)),
        tables={"tokens": "tokens"},
        draw=draw,
        gradient=gradient,
    )
