"""All samples that a problem with finitely many of them can draw, with their probabilities."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import TheoryError
from freqopt.problems import Problem
from freqopt.problems.pair import Pair
from freqopt.problems.token_quadratic import TokenQuadratic
from freqopt.streams import Stream


@dataclass(frozen=True)
class Outcomes:
    """The law of one step's samples.

    Attributes
    ----------
    probability : float64 (O,)
    samples : field -> (O * batch, ...); outcome o is the block o * batch .. (o + 1) * batch
    batch : int
    """

    probability: NDArray[np.float64]
    samples: dict[str, NDArray[Any]]
    batch: int = 1

    def __len__(self) -> int:
        return len(self.probability)

    def tiled(self, copies: int) -> dict[str, NDArray[Any]]:
        """Samples that give each of `copies` copies every outcome in turn."""
        return {k: np.concatenate([v] * copies) for k, v in self.samples.items()}

    def take(self, chosen: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The samples of the chosen outcomes."""
        entries = (chosen[:, None] * self.batch + np.arange(self.batch)).ravel()
        return {k: v[entries] for k, v in self.samples.items()}

    def draw(self, stream: Stream, step: int, copies: int) -> dict[str, NDArray[Any]]:
        """One independent outcome for each copy, from the stream's uniforms."""
        edges = np.cumsum(self.probability)
        chosen = np.searchsorted(edges, stream.uniform(step, copies) * edges[-1], side="right")
        return self.take(np.minimum(chosen, len(self) - 1))

    def batched(self, batch: int) -> Outcomes:
        """Batches of independent samples: O^batch outcomes."""
        picks = np.array(list(itertools.product(range(len(self)), repeat=batch)), np.int64)
        probability = self.probability[picks].prod(axis=1)
        return Outcomes(probability, self.take(picks.ravel()), batch)


@singledispatch
def outcomes(problem: Problem) -> Outcomes:
    """Every sample of the problem.

    Raises
    ------
    TheoryError
        If the problem's samples are not known to be finitely many.
    """
    raise TheoryError(
        f"the samples of {problem.name()} cannot be enumerated; use token_quadratic with two-point "
        "noise or pair, or register your problem with freqopt.theory.exact.outcomes.outcomes"
    )


@outcomes.register
def _(problem: TokenQuadratic) -> Outcomes:
    """A token and a sign for each coordinate."""
    if problem.noise_law != "two_point":
        raise TheoryError("noise_law = 'normal' has no finite law; choose 'two_point'")
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=problem.dimension)))
    p, count = problem.probabilities, len(signs)
    return Outcomes(
        np.repeat(p / count, count),
        {"tokens": np.repeat(np.arange(len(p)), count), "noise": np.tile(signs, (len(p), 1))},
    )


@outcomes.register
def _(problem: Pair) -> Outcomes:
    """A pair of rows and one of two labels."""
    size, other = problem.pairs.sizes
    law = problem.pairs.rows(slice(0, size)).ravel()
    i, j = (index.ravel() for index in np.indices((size, other)))
    u, v = problem.optimum["u"][i], problem.optimum["v"][j]
    if problem.score == "dot":
        planted = (u * v).sum(axis=1)
    else:
        planted = (u + v).sum(axis=1) / np.sqrt(problem.dimension)
    if problem.loss == "logistic":
        positive = 1 / (1 + np.exp(-planted))
        chances, labels = (
            np.stack([1 - positive, positive]),
            np.stack([0 * planted, 1 + 0 * planted]),
        )
    else:
        chances = np.full((2, len(law)), 0.5)
        labels = np.stack([planted - problem.noise, planted + problem.noise])
    probability = (law * chances).ravel()
    possible = probability > 0
    return Outcomes(
        probability[possible],
        {
            "u": np.tile(i, 2)[possible],
            "v": np.tile(j, 2)[possible],
            "y": labels.ravel()[possible],
        },
    )
