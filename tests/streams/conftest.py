"""What the sampler tests share: the chi-square p-value of draws, and its acceptance level."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

#: A right sampler fails one test in 10,000 of its fixed seeds; a wrong one must be below REJECTED.
ACCEPTED = 1e-4
REJECTED = 1e-8


def _chi_square_p(tokens: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    expected = probabilities * tokens.size
    assert expected.min() >= 5, "too few draws for the chi-square approximation"
    observed = np.bincount(tokens.reshape(-1), minlength=len(probabilities))
    assert len(observed) == len(probabilities), "a token outside the support"
    statistic = ((observed - expected) ** 2 / expected).sum()
    return float(chi2.sf(statistic, len(probabilities) - 1))


@pytest.fixture
def accepts() -> Callable[..., bool]:
    def check(tokens: NDArray[np.int64], probabilities: NDArray[np.float64]) -> bool:
        p = _chi_square_p(tokens, probabilities)
        assert not REJECTED < p < ACCEPTED, f"p = {p:.2e}: neither right nor clearly wrong"
        return p >= ACCEPTED

    return check
