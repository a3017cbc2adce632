"""Observed counts as a distribution, and what all token distributions share."""

from typing import Any

import numpy as np
import pytest

from freqopt.errors import SamplerError
from freqopt.streams import (
    BoundedZipf,
    ExponentialTail,
    Stream,
    TokenCounts,
    TokenDistribution,
    fold,
)

COUNTS = [120, 0, 3, 40, 40, 1, 900]


def test_probabilities_are_the_shares() -> None:
    law = TokenCounts(COUNTS)
    assert law.probabilities().tolist() == [c / sum(COUNTS) for c in COUNTS]
    assert law.probability(np.array([[6], [1]])).tolist() == [[900 / 1104], [0.0]]
    assert law.size == 7


def test_draws(accepts: Any) -> None:
    draws = TokenCounts(COUNTS).draw(Stream(1, 0, "counts"), np.arange(100), 3000)
    assert draws.shape == (100, 3000)
    seen = np.flatnonzero(COUNTS)
    assert accepts(np.searchsorted(seen, draws), TokenCounts(COUNTS).probabilities()[seen])
    other = TokenCounts([130, 0, 3, 40, 40, 1, 890]).probabilities()[seen]
    assert not accepts(np.searchsorted(seen, draws), other)
    assert not (draws == 1).any()


def test_sum_beyond_64_bits() -> None:
    law = TokenCounts([2**62, 2**62, 2**62])
    assert law.probabilities().tolist() == [1 / 3, 1 / 3, 1 / 3]
    assert np.bincount(law.draw(Stream(1, 0, "counts"), 0, 30_000)).min() > 9500


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([1.0, 2.0], "Token counts must be integers; got dtype float64"),
        ([1, -1], "weight 1 is -1"),
        ([0, 0], "All 2 weights are 0"),
    ],
)
def test_bad_counts_are_refused(counts: list[Any], message: str) -> None:
    with pytest.raises(SamplerError, match=message):
        TokenCounts(counts)


@pytest.mark.parametrize(
    "law",
    [BoundedZipf(1.05, 7), ExponentialTail(0.2, 7), TokenCounts(COUNTS)],
    ids=lambda law: type(law).__name__,
)
def test_one_interface(law: TokenDistribution) -> None:
    assert law.size == 7
    assert abs(fold(law.probabilities()) - 1.0) < 4 * 2.0**-53
    assert (law.probability(np.arange(7)) == law.probabilities()).all()
    assert law.draw(Stream(0, 0, "any"), 3, 5).shape == (5,)
    assert law.draw(Stream(0, 0, "any"), np.array([3, 4]), 5).shape == (2, 5)
    for token in (np.array([7]), np.array([-1]), np.array([0.0])):
        with pytest.raises(SamplerError, match=r"Tokens must be integers in \[0, 7\)"):
            law.probability(token)
