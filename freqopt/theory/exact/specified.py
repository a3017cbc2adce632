"""The steps that the theory specifies, written from the theory documents, not from the rules.

Each function returns eta(p, c, t) with p the frequencies (N,), c the numbers of earlier samples
that held each token (N,), and t >= 1 the number of the step.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from freqopt.typing import Doubles

Specification = Callable[[Doubles, Doubles, int], Doubles]


def sgd(eta: float) -> Specification:
    """One common step."""
    return lambda p, c, t: np.full(p.shape, eta)  # noqa: ARG005


def fa_sgd(alpha: float, steps: int, smoothness: float, batch: int = 1) -> Specification:
    """(6.1), and (6.5) for batch > 1."""
    return lambda p, c, t: np.minimum(  # noqa: ARG005
        1 / (4 * smoothness), alpha * np.sqrt(batch / (steps * p))
    )


def cf_sgd(alpha: float, steps: int, smoothness: float, batch: int = 1) -> Specification:
    """(6.2), and (6.6) for batch > 1; the two agree at batch = 1."""
    return lambda p, c, t: np.minimum(  # noqa: ARG005
        1 / (4 * smoothness),
        alpha * np.sqrt(batch * ((t - 1) * batch + 1) / (steps * (c + 1))),
    )


def cf_sgd_anytime(alpha: float, smoothness: float) -> Specification:
    """(6.3)."""
    return lambda p, c, t: np.minimum(  # noqa: ARG005
        1 / (4 * smoothness), alpha / np.sqrt(c + 1)
    )
