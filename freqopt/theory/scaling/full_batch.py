r"""Full batches of the linear bigram model: how many steps the vocabulary costs (law L3).

The excess loss of token k's predictions is pi_k delta_k^2, all delta_k(0) equal: with the row steps
(p_k/p_1)^(1-q), gradient descent being q = 0,

    r(t) = sum_k p_k (1 - (p_k/p_1)^(1-q))^(2t).                                              (1)

Sign descent moves every coordinate by eta, and once |delta| < eta it jumps between |delta| and eta
- |delta|, which the paper's assumption 4.1 replaces by eta/2. Its distances delta_j(0) = p_j are
the conditional frequencies of the next token, the same for every token (assumption 2.3 of the 2025
paper), so that the loss is sum_j delta_j(t)^2.

Where the next token depends on the present one, as in a text, q_kj being its frequency, token k
weighs p_k |q_k|^2 in (1), and sign descent has the distances q_kj with the weights p_k: `observed`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from freqopt.theory.scaling.groups import Groups


def observed(present: NDArray[np.int64], counts: NDArray[np.int64]) -> tuple[Groups, Groups]:
    """A text's bigrams: rows for `relative_loss` and `steps_needed`, distances for sign descent.

    Parameters
    ----------
    present, counts : int64 (P,)
        Of distinct pairs, the present token and how often the pair occurs.
    """
    total = np.bincount(present, weights=counts)
    p, q = total / total.sum(), counts / total[present]
    squared = np.bincount(present, weights=q * q)
    rows = np.argsort(-p, kind="stable")[: np.count_nonzero(total)]
    values, place = np.unique(-q, return_inverse=True)
    weight = np.bincount(place, weights=p[present]).astype(np.float64)
    return Groups(p[rows], squared[rows].astype(np.float64)), Groups(-values, weight)


def relative_loss(groups: Groups, steps: float, q: float) -> float:
    """(1), the share of the excess loss that is left."""
    slower = (groups.p / groups.p[0]) ** (1 - q)
    with np.errstate(divide="ignore"):
        left = np.sum(groups.mass * np.exp(2 * steps * np.log1p(-slower)))
        return float(left / np.sum(groups.mass))


def steps_needed(groups: Groups, share: float, q: float) -> float:
    """The real t at which (1) is `share`; 0 where the first token alone is enough."""
    most = np.log(1e3 * (groups.p[0] / groups.p[-1]) ** (1 - q) + 10)

    def excess(log_steps: float) -> float:
        return relative_loss(groups, np.exp(log_steps), q) - share

    return float(np.exp(brentq(excess, -20, most, xtol=1e-10))) if excess(-20) > 0 else 0.0


def sign_loss(groups: Groups, steps: int, eta: float) -> float:
    """Share of sum_j p_j^2, over distances p_j, left by sign descent: exact, of two steps.

    The mean of what is left after t steps and after t + 1. One step alone says nothing: a rare
    token, p_j < eta, is back where it began at every even step.
    """
    p = groups.p
    whole = np.minimum(np.floor(p / eta), steps)
    rest = p - whole * eta  # what is left after the steps towards 0; < eta unless steps ran out
    left = np.sum(groups.weight * (rest**2 + (rest - eta) ** 2)) / 2  # the next step moves by eta
    return float(left / np.sum(groups.weight * p**2))


def tuned_sign_loss(groups: Groups, steps: int) -> float:
    """The least `sign_loss` over the step, by a grid: remainders make it jagged."""
    p = groups.p
    return min(sign_loss(groups, steps, x / steps) for x in np.geomspace(p[0], p[-1], 120))


def sign_steps_needed(groups: Groups, share: float) -> int:
    """The least number of steps with which tuned sign descent gets to `share`, within 1 %."""
    low, high = 0, 1
    while tuned_sign_loss(groups, high) > share:
        low, high = high, 2 * high
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        low, high = (middle, high) if tuned_sign_loss(groups, middle) > share else (low, middle)
    return high


def gradient_descent_exponent(alpha: float, share: float) -> float:
    """t ~ d^this for (1) with q = 0: alpha, 1 - share, 0 below, at and above alpha = 1."""
    return alpha if alpha < 1 else (1 - share if alpha == 1 else 0.0)


def sign_descent_exponent(alpha: float, share: float) -> float:
    """t ~ d^this for sign descent: 0, (1 - share)/2, 1/2 below, at and above alpha = 1/2."""
    return 0.0 if alpha < 0.5 else ((1 - share) / 2 if alpha == 0.5 else 0.5)
