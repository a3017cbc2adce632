"""One token of SGD as a chain of visits.

x_0 is the start, x_{n+1} = x_n - eta_n (g_n + xi_n) the row after n + 1 visits, g_n a (sub)gradient
of the token's loss F at x_n, and F has its least value 0 at 0. Noise enters as vectors xi_n of L2
that are orthogonal to all that was known at the n-th visit; <a, b> then means E<a, b>.

What is maximised is sum_n w_n E F(x_n) + sum_i w_i E F(mean_i), for instance with
w_n = P(Bin(T, p) > n)/T: p E F(theta^tau), tau uniform over the T steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from freqopt.errors import TheoryError
from freqopt.typing import Doubles


class Mean(NamedTuple):
    """A weighted mean of the rows, as an output of its own."""

    weight: float
    coefficients: tuple[float, ...]
    """Of x_0, x_1, ..; of sum 1."""


@dataclass(frozen=True)
class Chain:
    """A token's chain; F is mu-strongly convex and L-smooth (L may be infinite).

    Parameters
    ----------
    weights : w_n, the weight of F(x_n)
    steps : eta_n of the n-th visit, one less
    mu, L : float
    R2 : float, optional
        |x_0|^2 <= R2.
    gamma2 : float, optional
        E|g_n + xi_n|^2 <= gamma2.
    sigma2 : float
        E|xi_n|^2 <= sigma2. Ignored where gamma2 is given: its noise is part of gamma2.
    noisy : bool
        Whether there is noise.
    means : outputs besides the rows themselves
    rest : float
        What the visits that were left out can add at most.
    """

    weights: tuple[float, ...]
    steps: tuple[float, ...]
    mu: float = 0.0
    L: float = np.inf
    R2: float | None = 1.0
    gamma2: float | None = None
    sigma2: float = 0.0
    noisy: bool = False
    means: tuple[Mean, ...] = ()
    rest: float = 0.0

    def __post_init__(self) -> None:
        numbers = [
            *self.weights,
            *self.steps,
            self.mu,
            self.sigma2,
            *(m.weight for m in self.means),
        ]
        if len(self.steps) != len(self.weights) - 1:
            raise TheoryError(
                f"{len(self.weights)} weights and {len(self.steps)} steps: give one step less"
            )
        if not all(np.isfinite(v) and v >= 0 for v in numbers):
            raise TheoryError("a weight, a step or a constant is negative or not a number")
        if not 0 <= self.mu < self.L or (self.gamma2 is None and not np.isfinite(self.L)):
            raise TheoryError(
                f"mu = {self.mu}, L = {self.L}, gamma^2 = {self.gamma2}: give 0 <= mu < L, and "
                "gamma^2 wherever L is infinite; no other class has a finite worst case"
            )
        if self.R2 is None and not (self.mu > 0 and self.gamma2 is not None):
            raise TheoryError("no start distance R^2: give one, or mu > 0 together with gamma^2")

    @property
    def visits(self) -> int:
        """Rows of the chain: one more than the visits that move it."""
        return len(self.weights)

    def coefficients(self, first: Doubles, moves: Sequence[Doubles]) -> list[Doubles]:
        """x_0, x_1, .. from x_0 and what is subtracted, eta_n times `moves`."""
        rows = [first]
        for eta, move in zip(self.steps, moves, strict=False):
            rows.append(rows[-1] - eta * move)
        return rows

    def trimmed(self, least: float = 1e-7) -> Chain:
        """Without the last visits that hold less than this share of all weight; `rest` bounds them.

        Their weights are so small that the solver could not tell their values.
        """
        weights = np.asarray(self.weights)
        tail = np.cumsum(weights[::-1])[::-1]
        keep = max(1, int(np.sum(tail > least * tail[0])))
        if self.means or keep == self.visits:
            return self
        lost = weights[keep:] @ self._largest()[keep:]
        return replace(
            self,
            weights=self.weights[:keep],
            steps=self.steps[: keep - 1],
            rest=self.rest + float(lost),
        )

    def _distances(self) -> Doubles:
        """What E|x_n|^2 cannot exceed."""
        if self.gamma2 is not None:
            start = self.R2 if self.R2 is not None else self.gamma2 / self.mu**2
            moved = np.concatenate([[0.0], np.cumsum(self.steps)])
            return np.asarray((np.sqrt(start) + np.sqrt(self.gamma2) * moved) ** 2)
        assert self.R2 is not None  # by the validator
        found = [self.R2]
        for eta in self.steps:
            found.append(max(1.0, (1 - eta * self.L) ** 2) * found[-1] + eta**2 * self.sigma2)
        return np.array(found)

    def _largest(self) -> Doubles:
        """What E F(x_n) cannot exceed."""
        if self.gamma2 is not None:
            return np.asarray(np.sqrt(self.gamma2 * self._distances()))
        return self.L / 2 * self._distances()

    def trace(self, gradients: int) -> float:
        """What |x_0|^2 and the squares of all gradients and noises cannot exceed together."""
        distances = self._distances()
        if self.gamma2 is not None:
            return float(distances[0] + gradients * self.gamma2)
        largest = self.L**2 * distances.max()
        return float(distances[0] + gradients * largest + len(self.steps) * self.sigma2)
