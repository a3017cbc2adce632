import numpy as np
import pytest

from freqopt.data.zipf_fit import zipf_fit
from freqopt.errors import DataError


@pytest.mark.parametrize("slope", [0.4, 1.0, 1.3])
def test_an_exact_power_law(slope):
    """Counts up to 1e15 round by 1e-7 at most, relatively, in the fitted range."""
    counts = np.rint(1e15 * np.arange(1, 2001.0) ** -slope).astype(np.int64)
    fit = zipf_fit(np.random.default_rng(0).permutation(counts), 1, 1000)
    assert fit.slope == pytest.approx(slope, abs=1e-6)
    assert fit.r_squared == pytest.approx(1, abs=1e-6)


def test_the_default_range_ends_with_the_last_count_of_five():
    counts = np.array([0, 100, 50, 7, 5, 4, 1, 0])
    assert zipf_fit(counts)[2:] == (1, 4)
    assert zipf_fit(counts, 1, 1000)[2:] == (1, 6)


def test_an_exponential_is_no_power_law():
    counts = np.rint(1e6 * np.exp(-np.arange(1000) / 100)).astype(np.int64)
    assert zipf_fit(counts, 1, 1000).r_squared < 0.8


def test_equal_counts_have_slope_zero():
    assert zipf_fit(np.full(100, 9)) == (0.0, 1.0, 1, 100)


@pytest.mark.parametrize(("first", "last"), [(0, 9), (8, 9), (50, None), (-3, 5)])
def test_too_few_ranks(first, last):
    with pytest.raises(DataError, match="expected three ranks or more, from 1"):
        zipf_fit(np.arange(1, 21), first, last)
