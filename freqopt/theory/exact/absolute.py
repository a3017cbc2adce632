"""The convex instance with bounded gradients: absolute loss of a pair of tokens.

A sample is a pair (i, j) ~ D and a label y = a_i + b_j +- noise; the loss is |u_i + v_j - y|. Every
gradient of a sampled token is -1, 0 or 1, so gamma_k = 1, and f* = noise, taken on a whole interval
around the planted scores.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from freqopt.problems import Problem
from freqopt.problems._pairs import PairCounts
from freqopt.problems._problem import Constants
from freqopt.theory.exact.outcomes import Outcomes, outcomes
from freqopt.typing import Doubles


class AbsolutePairs(Problem):
    """E |u_i + v_j - y|; tables "u" (N, 1) and "v" (M, 1)."""

    pairs: PairCounts
    optimum_size: float = Field(0.5, gt=0, description="|a_i| = |b_j|, signs alternating.")
    noise: float = Field(0.5, ge=0)

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Tables "u" and "v"."""
        size, other = self.pairs.sizes
        return {"u": (size, 1), "v": (other, 1)}

    @cached_property
    def optimum(self) -> dict[str, Doubles]:
        """The rows a and b."""
        return {
            name: np.where(np.arange(size) % 2, -1.0, 1.0)[:, None] * self.optimum_size
            for name, (size, _) in self.shapes.items()
        }

    @cached_property
    def constants(self) -> Constants:
        """All exact."""
        return Constants(
            frequency=dict(zip("uv", self.pairs.marginals, strict=True)),
            optimum_value=self.noise,
            optimum=self.optimum,
        )

    def gradients(self, tables: Any, samples: dict[str, NDArray[Any]]) -> dict[str, Any]:
        """sign(u_i + v_j - y) for both tokens, / B."""
        i, j = samples["u"], samples["v"]
        slope = np.sign(tables["u"][i] + tables["v"][j] - samples["y"][:, None]) / len(i)
        return {"u": (i, slope), "v": (j, slope)}

    def gaps(self, tables: dict[str, Doubles]) -> Doubles:
        """F - f* of many tables at once: u (S, N, 1), v (S, M, 1) -> (S,)."""
        planted = self.optimum["u"] + self.optimum["v"].T
        off = tables["u"] + np.swapaxes(tables["v"], 1, 2) - planted
        losses = (np.abs(off - self.noise) + np.abs(off + self.noise)) / 2
        weight = self.pairs.rows(slice(0, self.pairs.sizes[0]))
        return np.asarray((weight * losses).sum(axis=(1, 2)) - self.noise)

    def largest_gap(self, radius: float) -> float:
        """Upper bound of f - f* where every token is in [-radius, radius]."""
        return 2 * radius + 2 * self.optimum_size


@outcomes.register
def _(problem: AbsolutePairs) -> Outcomes:
    """A pair and one of two labels."""
    size, other = problem.pairs.sizes
    law = problem.pairs.rows(slice(0, size)).ravel()
    i, j = (index.ravel() for index in np.indices((size, other)))
    planted = problem.optimum["u"][i, 0] + problem.optimum["v"][j, 0]
    labels = np.concatenate([planted - problem.noise, planted + problem.noise])
    return Outcomes(np.tile(law / 2, 2), {"u": np.tile(i, 2), "v": np.tile(j, 2), "y": labels})
