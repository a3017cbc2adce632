"""The exponent of a token law from counts."""

import numpy as np
import pytest

from freqopt.data.power_law import fit_power_law
from freqopt.streams import Stream


def drawn(a, size):
    """Counts with P(count >= n) = zeta(a, n) / zeta(a), by the table of the law."""
    from scipy.special import zeta

    beyond = zeta(a, np.arange(1.0, 200_001)) / zeta(a, 1.0)
    u = Stream(0, 0, f"power law {a}").uniform(0, size)
    return np.searchsorted(-beyond, -u, side="right")


@pytest.mark.parametrize("nu", [0.7, 1.0, 1.5])
def test_the_exponent_of_a_power_law_is_inside_its_interval(nu):
    fit = fit_power_law(drawn(1 + 1 / nu, 20_000))
    assert fit.low < nu < fit.high
    assert fit.high - fit.low < 0.1 * nu
    assert fit.p_value > 0.1


def test_counts_that_are_no_power_law_are_told():
    """Geometric counts: their tail falls too fast for any exponent."""
    u = Stream(0, 0, "geometric").uniform(0, 20_000)
    counts = 1 + np.floor(np.log(1 - u) / np.log(0.8)).astype(np.int64)
    whole = fit_power_law(np.concatenate([counts, np.full(3000, 40)]))
    assert whole.p_value < 0.1


def test_too_little_to_fit():
    assert fit_power_law(np.array([5, 3, 1])) is None
    assert fit_power_law(np.full(1000, 7)) is None
