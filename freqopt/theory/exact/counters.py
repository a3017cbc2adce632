"""CF-SGD on one token, exactly: a dynamic programme over how often the token was seen.

The step depends on the count, so the second moment alone does not close; jointly with the count n
it does. With P_t(n) = P(count = n) and A_t(n) = E[e^2; count = n] after t steps,

    P_{t+1}(n) = (1 - p) P_t(n) + p P_t(n-1),
    A_{t+1}(n) = (1 - p) A_t(n) + p ((1 - eta lam)^2 A_t(n-1) + eta^2 sigma^2 P_t(n-1)),   (1)

eta = eta(n, t+1) being the step of the n-th visit. O(T^2) numbers, in floats or in Fractions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Step = Callable[[NDArray[Any], int], NDArray[Any]]
"""(visit numbers n >= 1, step number t >= 1) -> eta for each n."""


@dataclass(frozen=True)
class CounterMoments:
    """Expectations before each of the steps t = 1 .. T, each of shape (T,), and at the end.

    `step` is the step the token would take were it sampled at t (its count then being n + 1):
    the predictable reading of CF-SGD.

    Attributes
    ----------
    square : E e^2
    step_times_square : E[eta e^2]
    step, step_square, inverse_step : E eta, E eta^2, E[1/eta]
    last : E e^2 after T steps
    """

    square: NDArray[Any]
    step_times_square: NDArray[Any]
    step: NDArray[Any]
    step_square: NDArray[Any]
    inverse_step: NDArray[Any]
    last: Any


def counter_moments(
    p: Any,
    curvature: Any,
    sigma2: Any,
    R2: Any,
    steps: int,
    step: Step,
    *,
    first_moment: bool = False,
) -> CounterMoments:
    """Run (1) for one token.

    Parameters
    ----------
    p, curvature, sigma2, R2 : floats or Fractions
    step : as `Step`
    first_moment : bool
        Follow E|e| instead of E e^2; needs sigma2 = 0 and eta lam <= 1, where e keeps its sign.
        `R2` is then the start distance R.
    """
    exact = not isinstance(p, float)
    kind: Any = object if exact else np.float64
    one = p * 0 + 1
    P, A = np.full(steps + 1, 0 * one, kind), np.full(steps + 1, 0 * one, kind)
    P[0], A[0] = one, R2 * one
    rows: list[tuple[Any, ...]] = []
    for t in range(1, steps + 1):
        visit = np.arange(1, t + 1)
        eta = np.asarray(step(visit, t), kind)
        seen, square = P[:t], A[:t]
        rows.append(
            (
                square.sum(),
                (eta * square).sum(),
                (eta * seen).sum(),
                (eta**2 * seen).sum(),
                (seen / eta).sum(),
            )
        )
        factor = 1 - eta * curvature
        moved = factor * square if first_moment else factor**2 * square + eta**2 * sigma2 * seen
        A[1 : t + 1], P[1 : t + 1] = (
            (1 - p) * A[1 : t + 1] + p * moved,
            (1 - p) * P[1 : t + 1] + p * seen,
        )
        A[0], P[0] = (1 - p) * A[0], (1 - p) * P[0]
    square, product, mean, second, inverse = (
        np.array(column, kind) for column in zip(*rows, strict=True)
    )
    return CounterMoments(square, product, mean, second, inverse, A.sum())
