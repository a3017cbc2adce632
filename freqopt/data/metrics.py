"""RMSE, log loss and AUC of predictions, defined so that every machine gets the same bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import DataError
from freqopt.streams.elementary import log
from freqopt.streams.fold import fold
from freqopt.typing import Doubles

CLIP = 1e-15
"""`log_loss` moves probabilities into [CLIP, 1 - CLIP], so that one row costs at most 34.54."""

Labels = NDArray[np.integer] | NDArray[np.floating]


def rmse(predictions: Doubles, targets: Doubles) -> float:
    """Root of the mean squared error, sqrt(1/n sum (p_i - t_i)^2), summed by the fold.

    Parameters
    ----------
    predictions, targets : float64 array, shape (n,)
        In the same unit, such as stars.

    Returns
    -------
    float

    Raises
    ------
    DataError
        No rows, unequal lengths, NaN or infinity.
    """
    _check(predictions, targets)
    error = predictions - targets
    return float(np.sqrt(fold(error * error) / error.size))


def log_loss(probabilities: Doubles, labels: Labels, clip: float = CLIP) -> float:
    """Mean negative log likelihood, -1/n sum (y_i log p_i + (1 - y_i) log(1 - p_i)), in nats.

    Parameters
    ----------
    probabilities : float64 array, shape (n,)
        Of label 1, in [0, 1]; moved into [clip, 1 - clip] first.
    labels : array, shape (n,)
        0 or 1. One class alone is allowed: the loss is defined.
    clip : float
        In (0, 0.5).

    Returns
    -------
    float
        In nats.

    Raises
    ------
    DataError
        No rows, unequal lengths, labels other than 0 and 1, probabilities outside
        [0, 1], a clip outside (0, 0.5).
    """
    if not 0 < clip < 0.5:
        raise DataError(f"clip is {clip}; expected a number in (0, 0.5). Leave it out for 1e-15.")
    _check(probabilities, labels)
    positive = _positive(labels)
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise DataError(
            f"probabilities range from {probabilities.min()} to {probabilities.max()}; expected "
            "values from 0 to 1. Pass sigmoid(scores), not scores."
        )
    clipped = np.clip(probabilities, clip, 1 - clip)
    return float(-fold(log(np.where(positive, clipped, 1 - clipped))) / clipped.size)


def auc(scores: Doubles, labels: Labels) -> float:
    """Probability that a positive row outranks a negative one, equal scores counting half.

    U / (n+ n-) with the Mann-Whitney U counted in integers, so the only rounding is the division.

    Parameters
    ----------
    scores : float64 array, shape (n,)
        Any increasing function of the probability.
    labels : array, shape (n,)
        0 or 1, both present.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    DataError
        No rows, unequal lengths, NaN or infinity, labels other than 0 and 1, one class alone.
    """
    _check(scores, labels)
    positive = _positive(labels)
    negatives = np.sort(scores[~positive])
    positives = scores[positive]
    if not (negatives.size and positives.size):
        raise DataError(
            f"AUC was given {positives.size} positive and {negatives.size} negative rows; expected "
            "both classes. Evaluate on a larger or a stratified part."
        )
    below = np.searchsorted(negatives, positives, side="left")
    not_above = np.searchsorted(negatives, positives, side="right")
    return int((below + not_above).sum()) / (2 * positives.size * negatives.size)


def _check(predictions: Doubles, targets: Labels) -> None:
    if predictions.shape != targets.shape or predictions.ndim != 1:
        raise DataError(
            f"predictions have shape {predictions.shape} and targets {targets.shape}; expected two "
            "equal lengths (n,). Pass one prediction per row."
        )
    if not predictions.size:
        raise DataError(
            "a metric was given 0 rows; expected at least one. Check the split: the part is empty."
        )
    for name, values in (("predictions", predictions), ("targets", targets)):
        bad = ~np.isfinite(values)
        if bad.any():
            row = int(np.argmax(bad))
            raise DataError(
                f"{name} hold {values[row]} at row {row}; expected finite numbers. "
                "The run probably diverged: lower the learning rate."
            )


def _positive(labels: Labels) -> NDArray[np.bool_]:
    positive = labels == 1
    other = ~positive & (labels != 0)
    if other.any():
        row = int(np.argmax(other))
        raise DataError(
            f"labels hold {labels[row]} at row {row}; expected 0 or 1. "
            "Turn ratings into labels first, such as (values >= 4)."
        )
    return positive
