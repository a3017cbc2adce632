"""Losses of a score s and a label y, and their exact expectations over y.

Each label has two values, so an expectation is a sum of two terms, written without cancellation.
The label's law is centred on a *planted* score s*, at which the expected loss is least.

`value` and `slope` take labels in the score's dtype and answer in it; the rest is float64.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from freqopt.problems._split import Products, Shift, Squares
from freqopt.streams._trigonometry import TRIGONOMETRIC_LIMIT
from freqopt.streams.elementary import cos, sigmoid, sin, softplus
from freqopt.streams.transforms import uniform
from freqopt.typing import Doubles, Floats

Float = TypeVar("Float", bound=np.floating)


class Loss(ABC):
    """A loss l(s; y) of one score."""

    curvature: ClassVar[float]
    """sup |l''| over s and y."""
    largest_slope: ClassVar[float | None]
    """sup |l'| over s and y, or None if there is none."""

    @abstractmethod
    def labels(self, planted: Floats, words: NDArray[np.uint64]) -> Doubles:
        """Label of each sample from its planted score and one random word."""

    @abstractmethod
    def value(self, s: Floats, y: Floats) -> Floats:
        """l(s; y)."""

    @abstractmethod
    def slope(self, s: Floats, y: Floats) -> Floats:
        """l'(s; y), the derivative in s."""

    @abstractmethod
    def mean(self, s: Doubles, planted: Doubles) -> Doubles:
        """E l(s; y)."""

    @abstractmethod
    def mean_slope(self, s: Doubles, planted: Doubles) -> Doubles:
        """E l'(s; y)."""

    @abstractmethod
    def mean_square_slope(self, s: Doubles, planted: Doubles) -> Doubles:
        """E l'(s; y)^2."""

    def split_mean(self, shift: Shift) -> Squares | None:  # noqa: ARG002 - not every loss splits
        """`mean` of all pairs in split form, where there is one."""
        return None

    def split_slope(self, shift: Shift) -> Products | None:  # noqa: ARG002
        """`mean_slope` of all pairs in split form, where there is one."""
        return None


@dataclass(frozen=True)
class Squared(Loss):
    """1/2 (s - y)^2 with y = s* +- noise."""

    noise: float
    curvature: ClassVar[float] = 1.0
    largest_slope: ClassVar[float | None] = None

    def labels(self, planted: Floats, words: NDArray[np.uint64]) -> Doubles:
        """The word's top bit chooses the sign."""
        return _two_point(planted, self.noise, words)

    def value(self, s: Floats, y: Floats) -> Floats:
        """1/2 (s - y)^2."""
        return 0.5 * (s - y) ** 2

    def slope(self, s: Floats, y: Floats) -> Floats:
        """The residual s - y."""
        return s - y

    def mean(self, s: Doubles, planted: Doubles) -> Doubles:
        """1/2 ((s - s*)^2 + noise^2)."""
        return 0.5 * ((s - planted) ** 2 + self.noise * self.noise)

    def mean_slope(self, s: Doubles, planted: Doubles) -> Doubles:
        """The distance s - s*."""
        return s - planted

    def mean_square_slope(self, s: Doubles, planted: Doubles) -> Doubles:
        """(s - s*)^2 + noise^2."""
        return (s - planted) ** 2 + self.noise * self.noise

    def split_mean(self, shift: Shift) -> Squares:
        """1/2 noise^2 + 1/2 (x . y)^2."""
        return Squares(0.5 * (self.noise * self.noise), 0.5, shift.x, shift.y)

    def split_slope(self, shift: Shift) -> Products:
        """x . y."""
        return Products(1.0, shift.x, shift.y)


@dataclass(frozen=True)
class Logistic(Loss):
    """log(1 + e^s) - y s with y in {0, 1} and P(y = 1) = sigmoid(s*)."""

    curvature: ClassVar[float] = 0.25
    largest_slope: ClassVar[float | None] = 1.0

    def labels(self, planted: Floats, words: NDArray[np.uint64]) -> Doubles:
        """1 where the word's uniform lies below sigmoid(s*)."""
        return (uniform(words) < sigmoid(planted)).astype(np.float64)

    def value(self, s: Floats, y: Floats) -> Floats:
        """softplus(s) - y s, as softplus(-s) for y = 1."""
        return softplus(np.where(y > 0, -s, s))

    def slope(self, s: Floats, y: Floats) -> Floats:
        """sigmoid(s) - y, as -sigmoid(-s) for y = 1."""
        sign = 1 - 2 * y
        return sign * sigmoid(sign * s)

    def mean(self, s: Doubles, planted: Doubles) -> Doubles:
        """P(y=1) softplus(-s) + P(y=0) softplus(s), with one logarithm for the two."""
        shared = softplus(-np.abs(s))
        return shared + np.where(s > 0, s * sigmoid(-planted), -s * sigmoid(planted))

    def mean_slope(self, s: Doubles, planted: Doubles) -> Doubles:
        """sigmoid(s) - sigmoid(s*)."""
        return sigmoid(s) - sigmoid(planted)

    def mean_square_slope(self, s: Doubles, planted: Doubles) -> Doubles:
        """(sigmoid(s) - sigmoid(s*))^2 + the label's variance."""
        chance = sigmoid(planted)
        return (sigmoid(s) - chance) ** 2 + chance * sigmoid(-planted)


@dataclass(frozen=True)
class Cosine(Loss):
    """1 - cos(s - y) with y = s* +- noise, 0 <= noise < pi/2: bounded and not convex."""

    noise: float
    curvature: ClassVar[float] = 1.0
    largest_slope: ClassVar[float | None] = 1.0

    def labels(self, planted: Floats, words: NDArray[np.uint64]) -> Doubles:
        """The word's top bit chooses the sign."""
        return _two_point(planted, self.noise, words)

    def value(self, s: Floats, y: Floats) -> Floats:
        """1 - cos(s - y) = 2 sin^2((s - y)/2)."""
        return 2 * sin(_angle(0.5 * (s - y))) ** 2

    def slope(self, s: Floats, y: Floats) -> Floats:
        """sin(s - y)."""
        return sin(_angle(s - y))

    def mean(self, s: Doubles, planted: Doubles) -> Doubles:
        """1 - cos(s - s*) cos(noise) = (1 - cos noise) + 2 cos(noise) sin^2((s - s*)/2)."""
        half = sin(0.5 * self.noise)
        return 2.0 * half * half + 2.0 * cos(self.noise) * sin(_angle(0.5 * (s - planted))) ** 2

    def mean_slope(self, s: Doubles, planted: Doubles) -> Doubles:
        """sin(s - s*) cos(noise)."""
        return sin(_angle(s - planted)) * cos(self.noise)

    def mean_square_slope(self, s: Doubles, planted: Doubles) -> Doubles:
        """sin^2(s - s*) cos^2(noise) + cos^2(s - s*) sin^2(noise)."""
        delta = _angle(s - planted)
        return (sin(delta) * cos(self.noise)) ** 2 + (cos(delta) * sin(self.noise)) ** 2

    def split_mean(self, shift: Shift) -> Squares | None:
        """For sums, with sin((a + b)/2) split."""
        if not shift.additive:
            return None
        half = sin(0.5 * self.noise)
        return Squares(2.0 * half * half, 2.0 * cos(self.noise), *_sine_of_sums(shift, 0.5))

    def split_slope(self, shift: Shift) -> Products | None:
        """For sums, with sin(a + b) split."""
        return Products(cos(self.noise), *_sine_of_sums(shift, 1.0)) if shift.additive else None


def _sine_of_sums(shift: Shift, scale: float) -> tuple[Doubles, Doubles]:
    """sin(scale (a + b)) = (sin scale a, cos scale a) . (cos scale b, sin scale b)."""
    a, b = _angle(scale * shift.x[:, 0]), _angle(scale * shift.y[:, 1])
    return np.stack([sin(a), cos(a)], axis=1), np.stack([cos(b), sin(b)], axis=1)


def _angle(x: NDArray[Float]) -> NDArray[Float]:
    """NaN beyond the range of sin and cos, so that a run that got there counts as diverged."""
    return np.where(np.abs(x) <= TRIGONOMETRIC_LIMIT, x, x.dtype.type(np.nan))


def _two_point(planted: Floats, noise: float, words: NDArray[np.uint64]) -> Doubles:
    heads = (words >> np.uint64(63)).astype(np.bool_)
    return np.where(heads, planted + noise, planted - noise).astype(np.float64)
