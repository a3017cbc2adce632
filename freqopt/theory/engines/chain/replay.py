"""The worst function as a function, and every visit pattern run through a rule on it.

The solver, the programme's weights and the chain have no part in this: a convex function is written
down, the rule steps on its (sub)gradients at the rows it really is at, and the chances are those of
the coin tosses.
"""

from __future__ import annotations

import copy
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from freqopt.errors import TheoryError
from freqopt.theory.engines.chain.worst import Worst
from freqopt.typing import Doubles


class Node(NamedTuple):
    """A point of the chain, or an image of one under the reflections xi -> -xi."""

    x: Doubles
    g: Doubles
    value: float
    noise: Doubles
    """Of the visit here; 0 where it does not matter."""


class Function:
    """mu |x|^2/2 + h(x), least value 0 at 0; h the greatest of affine pieces, one for each node.

    For finite L, h is the Moreau envelope of such a maximum, which makes it (L - mu)-smooth.
    """

    def __init__(self, worst: Worst) -> None:
        self.mu, self.L = worst.chain.mu, worst.chain.L
        self.nodes = list(_nodes(worst))
        zero = np.zeros(len(worst.vectors))
        every = [*self.nodes, Node(zero, zero, 0.0, zero)]
        x = np.array([node.x for node in every])
        value = np.array([node.value for node in every])
        self._slopes = np.array([node.g for node in every]) - self.mu * x
        self._shift = self._slopes / (self.L - self.mu)
        half = np.sum(self._slopes * self._shift, axis=1) / 2
        at = np.sum(self._slopes * (x - self._shift), axis=1)
        self._offsets = value - self.mu / 2 * np.sum(x**2, axis=1) - half - at
        self._half = half

    def at(self, y: Doubles) -> tuple[float, Doubles, int]:
        """F, a (sub)gradient, and whose piece is the greatest there (the minimiser's is the last).

        Raises
        ------
        TheoryError
            For finite L, where no single piece determines the envelope.
        """
        places = y - self._shift  # where piece j would have to be the greatest
        values = self._offsets + places @ self._slopes.T  # [j, i]: piece i at the place of j
        lead = np.diag(values) - values.max(axis=1)
        j = int(np.argmax(lead))
        if lead[j] < -1e-12:
            raise TheoryError("the row is at no point of the chain; the envelope is not evaluated")
        value = values[j, j] + self._half[j] + self.mu / 2 * y @ y
        return float(value), self._slopes[j] + self.mu * y, j


def _nodes(worst: Worst) -> Any:
    axes = [xi / np.linalg.norm(xi) for xi in worst.noise]
    for i, point in enumerate(worst.points):
        seen = min(worst.seen[i], len(axes))
        for signs in product((1, -1), repeat=seen):
            flipped = [axis for sign, axis in zip(signs, axes, strict=False) if sign < 0]
            noise = worst.noise[i] if i < len(axes) else np.zeros(len(worst.vectors))
            x, g, noise = (
                _reflected(v, flipped) for v in (worst.rows[i], worst.gradients[i], noise)
            )
            yield Node(x, g, float(worst.values[point.value]), noise)


def _reflected(vector: Doubles, axes: list[Doubles]) -> Doubles:
    for axis in axes:
        vector = vector - 2 * (axis @ vector) * axis
    return vector


def replayed(
    worst: Worst, rule: Any, p: float, law: Doubles, **given: Doubles
) -> tuple[float, float]:
    """(p sum_t law_t E F(theta_t), p E F(sum_t law_t theta_t)) over all visits and signs of noise.

    Parameters
    ----------
    rule
        Stepped through its public `step` on a table of one row.
    law : weights of the steps t = 1 .. T in the output, of sum 1
    **given : what the rule's `init` is told, such as frequencies
    """
    function = Function(worst)
    table = worst.rows[:1].copy()
    branches = [(1.0, table, rule.init(table, **given), np.zeros_like(table[0]))]
    expected = 0.0
    for t, weight in enumerate(law, start=1):
        grown = []
        for chance, table, state, mean in branches:
            value, gradient, node = function.at(table[0])
            expected += chance * p * weight * value
            mean = mean + weight * table[0]
            noises = [np.zeros_like(mean)]
            if node < len(function.nodes) and np.any(function.nodes[node].noise):
                noises = [function.nodes[node].noise, -function.nodes[node].noise]
            if t == len(law):
                grown.append((chance, table, state, mean))
                continue
            if p < 1:
                grown.append((chance * (1 - p), table, state, mean))
            for noise in noises:
                moved, memory = table.copy(), copy.deepcopy(state)
                rule.step(moved, memory, np.array([0]), (gradient + noise)[None])
                grown.append((chance * p / len(noises), moved, memory, mean))
        branches = grown
    try:
        averaged = sum(chance * p * function.at(mean)[0] for chance, _, _, mean in branches)
    except TheoryError:  # a smooth function is known at the points of its chain only
        averaged = float("nan")
    return expected, averaged
