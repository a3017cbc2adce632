"""Two-layer tables W = W1 W2 in exact arithmetic, and the project's own step beside it.

Identities of one step are polynomial in the entries: in rationals they hold exactly or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.optimizers import Rule
from freqopt.optimizers.sgd import SGD
from freqopt.tables import FactorisedTable

Matrix = NDArray[Any]
Step = Callable[[Matrix, Matrix, Matrix, Any, Any], tuple[Matrix, Matrix]]
"""(W1, W2, G, e1, e2) -> (W1', W2')."""


@dataclass(frozen=True)
class Factors:
    """An instance: factors, a gradient G of W with few non-zero rows, and two rates.

    Attributes
    ----------
    name : str
    first : (n, k), W1
    second : (k, d), W2
    gradient : (n, d), G
    rate1, rate2 : e1, e2
    """

    name: str
    first: Matrix
    second: Matrix
    gradient: Matrix
    rate1: Any
    rate2: Any

    @property
    def product(self) -> Matrix:
        """W."""
        return self.first.dot(self.second)

    @property
    def batch(self) -> list[int]:
        """Rows of G that are not zero."""
        return [i for i, row in enumerate(self.gradient) if row.any()]

    def letters(self) -> dict[str, Any]:
        """None: identities are evaluated, not bounded."""
        return {}

    def floats(self) -> Factors:
        """The same in float64."""
        return Factors(
            f"{self.name}, float64",
            np.array(self.first, float),
            np.array(self.second, float),
            np.array(self.gradient, float),
            float(self.rate1),
            float(self.rate2),
        )


def jacobi(first: Matrix, second: Matrix, gradient: Matrix, e1: Any, e2: Any) -> Any:
    """One SGD step, both gradients from the old values: g1 = G W2', g2 = W1' G."""
    return first - e1 * gradient.dot(second.T), second - e2 * first.T.dot(gradient)


def with_rule(make: Callable[[float], Rule] | None = None) -> Step:
    """The same through the project's factorised table and rule (SGD by default)."""

    def step(first: Matrix, second: Matrix, gradient: Matrix, e1: Any, e2: Any) -> Any:
        table = FactorisedTable(first.copy(), second.copy())
        rows = np.flatnonzero(gradient.any(axis=1))
        batches = table.batches(rows, gradient[rows])
        for suffix, rate in ((".first", e1), (".second", e2)):
            rule = SGD(lr=rate) if make is None else make(rate)
            array = table.parameters[suffix]
            rule.step(array, rule.init(array), *batches[suffix])
        return table.first, table.second

    return step


def random_factors(count: int, seed: int = 0) -> Iterator[Factors]:
    """Rational instances of different shapes, k below, at and above d."""
    rng = np.random.default_rng(seed)

    def rational(*shape: int) -> Matrix:
        numerators, denominators = rng.integers(-9, 10, shape), rng.integers(1, 6, shape)
        made = np.empty(shape, object)
        for index in np.ndindex(*shape):
            made[index] = Fraction(int(numerators[index]), int(denominators[index]))
        return made

    for i in range(count):
        n, k, d = int(rng.integers(3, 7)), int(rng.integers(1, 6)), int(rng.integers(1, 5))
        gradient = rational(n, d)
        gradient[int(rng.integers(1, n)) :] = Fraction(0)
        gradient[0, 0] = Fraction(1)  # at least one row is in the batch
        rates = (Fraction(int(rng.integers(1, 9)), 10) for _ in range(2))
        yield Factors(
            f"n = {n}, k = {k}, d = {d}, draw {i}", rational(n, k), rational(k, d), gradient, *rates
        )


def entries(matrix: Matrix) -> Any:
    """What the engine compares: Fractions exactly, floats as an array."""
    flat = np.asarray(matrix).ravel()
    return flat.tolist() if flat.dtype == object else flat
