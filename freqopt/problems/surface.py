"""Smooth test surfaces of two numbers: the toy problems of the fixed-memory optimizers.

**Problem.** Minimise f(x, y); x and y are two tables of one number each, so that a rule keeps state
for each of them, as the published experiment does with two scalar parameters. Every sample is the
surface itself: the gradient is exact and a batch of B is B equal parts of it.

    beale              (1.5 - x + xy)^2 + (2.25 - x + xy^2)^2 + (2.625 - x + xy^3)^2
    goldstein_price    (1 + (x+y+1)^2 (19 - 14x + 3x^2 - 14y + 6xy + 3y^2))
                       (30 + (2x-3y)^2 (18 - 32x + 12x^2 + 48y - 36xy + 27y^2))
    six_hump_camel     4x^2 - 2.1x^4 + x^6/3 + xy - 4y^2 + 4y^4
    official_camel     4 - 2.1x^2 + x^6/3 + xy + 4(y^2 - 1)y^2

The last is the six-hump camel as the fixed-memory repository has it: a parenthesis stands wrongly,
and the surface has two humps less. Default starts are the published ones.

**Constants.** No noise: every deviation is 0. Polynomials of degree 4 to 8 have no global L.

**Source.** Beale 1958; Goldstein and Price 1971; Dixon and Szegö 1978 for the camel. As toy
problems: the code published with arXiv 2106.10708.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import Field

from freqopt._fields import Finite
from freqopt.problems._problem import Constants, Problem, Samples, Sparse, Tables
from freqopt.typing import Doubles, Floats, Integers


@dataclass(frozen=True)
class Landscape:
    """One surface: f, its partial derivatives, the published start, its least value and where."""

    value: Callable[[Any, Any], Any]
    slopes: Callable[[Any, Any], tuple[Any, Any]]
    start: tuple[float, float]
    least: float
    minimisers: tuple[tuple[float, float], ...]


def _beale(x: Any, y: Any) -> Any:
    a, b, c = 1.5 - x + x * y, 2.25 - x + x * y * y, 2.625 - x + x * y * y * y
    return a * a + b * b + c * c


def _beale_slopes(x: Any, y: Any) -> tuple[Any, Any]:
    a, b, c = 1.5 - x + x * y, 2.25 - x + x * y * y, 2.625 - x + x * y * y * y
    along_x = 2 * a * (y - 1) + 2 * b * (y * y - 1) + 2 * c * (y * y * y - 1)
    return along_x, 2 * a * x + 4 * b * x * y + 6 * c * x * y * y


def _goldstein_price_parts(x: Any, y: Any) -> tuple[Any, Any, Any, Any, Any, Any]:
    s, t = x + y + 1, 2 * x - 3 * y
    P = 19 - 14 * x + 3 * x * x - 14 * y + 6 * x * y + 3 * y * y
    Q = 18 - 32 * x + 12 * x * x + 48 * y - 36 * x * y + 27 * y * y
    return s, t, P, Q, 1 + s * s * P, 30 + t * t * Q


def _goldstein_price(x: Any, y: Any) -> Any:
    *_, first, second = _goldstein_price_parts(x, y)
    return first * second


def _goldstein_price_slopes(x: Any, y: Any) -> tuple[Any, Any]:
    s, t, P, Q, first, second = _goldstein_price_parts(x, y)
    first_xy = 2 * s * P + s * s * (-14 + 6 * x + 6 * y)  # the same in x and in y
    second_x = 4 * t * Q + t * t * (-32 + 24 * x - 36 * y)
    second_y = -6 * t * Q + t * t * (48 - 36 * x + 54 * y)
    return first_xy * second + first * second_x, first_xy * second + first * second_y


def _camel(x: Any, y: Any) -> Any:
    xx, yy = x * x, y * y
    return 4 * xx - 2.1 * xx * xx + xx * xx * xx / 3 + x * y - 4 * yy + 4 * yy * yy


def _camel_slopes(x: Any, y: Any) -> tuple[Any, Any]:
    along_x = 8 * x - 8.4 * x * x * x + 2 * x * x * x * x * x + y
    return along_x, x - 8 * y + 16 * y * y * y


def _official_camel(x: Any, y: Any) -> Any:
    xx, yy = x * x, y * y
    return 4 - 2.1 * xx + xx * xx * xx / 3 + x * y + 4 * (yy - 1) * yy


def _official_camel_slopes(x: Any, y: Any) -> tuple[Any, Any]:
    return -4.2 * x + 2 * x * x * x * x * x + y, x - 8 * y + 16 * y * y * y


def _both(x: float, y: float) -> tuple[tuple[float, float], ...]:
    return (x, y), (-x, -y)


LANDSCAPES = {
    "beale": Landscape(_beale, _beale_slopes, (0.75, 1.0), 0.0, ((3.0, 0.5),)),
    "goldstein_price": Landscape(
        _goldstein_price, _goldstein_price_slopes, (-1.0, 0.0), 3.0, ((0.0, -1.0),)
    ),
    # Least values and minimisers of the camels: 40-digit roots of the gradient, rounded.
    "six_hump_camel": Landscape(
        _camel,
        _camel_slopes,
        (3.0, 2.5),
        -1.0316284534898774,
        _both(0.08984201310031806, -0.7126564030207396),
    ),
    "official_camel": Landscape(
        _official_camel,
        _official_camel_slopes,
        (3.0, 2.5),
        0.06191399565753351,
        _both(1.2460822629479383, -0.7749199243603329),
    ),
}


class Surface(Problem):
    """A function of two numbers; tables "x" and "y" of shape (1, 1)."""

    surface: Literal["beale", "goldstein_price", "six_hump_camel", "official_camel"] = Field(
        "beale", description="Which function."
    )
    begin: tuple[Finite, Finite] | None = Field(
        None, description="Where to start, (x, y); absent for the published start."
    )

    @property
    def _landscape(self) -> Landscape:
        return LANDSCAPES[self.surface]

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Tables "x" and "y"."""
        return {"x": (1, 1), "y": (1, 1)}

    @cached_property
    def constants(self) -> Constants:
        """All known but L."""
        x, y = self._landscape.minimisers[0]
        return Constants(
            frequency={"x": np.ones(1), "y": np.ones(1)},
            deviation={"x": np.zeros(1), "y": np.zeros(1)},
            optimum_value=self._landscape.least,
            optimum={"x": np.array([[x]]), "y": np.array([[y]])},
            notes={
                "smoothness": "none: a polynomial of degree above 2",
                "strong_convexity": "none: not convex",
                "deviation": "exact: the gradient has no noise",
                "optimum_value": "exact to the last digit",
                "optimum": f"all minimisers: {', '.join(map(str, self._landscape.minimisers))}",
            },
        )

    def start(self, seed: int, run: int, dtype: Any = np.float64) -> dict[str, Floats]:  # noqa: ARG002
        """The same in every run."""
        begin = self._landscape.start if self.begin is None else self.begin
        return {name: np.full((1, 1), x, dtype) for name, x in zip("xy", begin, strict=True)}

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> Samples:  # noqa: ARG002
        """Row 0 of "x" and of "y", int64 (S, B): nothing is random."""
        return {name: np.zeros((len(steps), batch), np.int64) for name in "xy"}

    def losses(self, tables: Tables, samples: Samples) -> Doubles:
        """The surface's height, once per sample."""
        x, y = (np.asarray(tables[name][samples[name]], np.float64)[:, 0] for name in "xy")
        loss: Doubles = self._landscape.value(x, y)
        return loss

    def gradients(self, tables: Tables, samples: Samples) -> Sparse:
        """df/dx and df/dy over B, per sample."""
        slopes = self._landscape.slopes(*(tables[name][samples[name]] for name in "xy"))
        return {
            name: (samples[name], slope / len(slope))
            for name, slope in zip("xy", slopes, strict=True)
        }

    def objective(self, tables: Tables) -> float:
        """The surface's height."""
        return float(self.losses(tables, {name: np.zeros(1, np.int64) for name in "xy"})[0])

    def gradient(self, tables: Tables) -> dict[str, Doubles]:
        """The gradient itself."""
        row = np.zeros(1, np.int64)
        x, y = (np.asarray(tables[name][row], np.float64) for name in "xy")
        return dict(zip("xy", self._landscape.slopes(x, y), strict=True))
