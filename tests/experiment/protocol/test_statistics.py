"""Intervals that know of splits, Holm, profiles; against scipy and by hand."""

import numpy as np
import pytest
from scipy import stats

from freqopt.experiment.protocol.statistics import holm, interval, profile, wilcoxon

RNG = np.random.default_rng(2)


def test_an_interval_of_runs_alone_is_scipys():
    values = RNG.normal(3, 1, 30)
    expected = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=9999, rng=np.random.default_rng(1)
    ).confidence_interval
    assert interval(values[None]) == pytest.approx(tuple(expected), abs=0.03)


def test_an_interval_knows_of_splits():
    """Splits far apart, runs close together: runs alone would say that all is certain."""
    values = np.array([[1.0], [2.0], [3.0]]) + 1e-6 * RNG.normal(size=(3, 5))
    low, high = interval(values)
    assert high - low > 1
    low, high = interval(values - values.mean(axis=1, keepdims=True))
    assert high - low < 1e-5
    assert np.isnan(interval(np.ones((1, 1)))).all()
    assert np.isnan(interval(np.array([[1.0, np.inf]]))).all()


def test_the_interval_covers_what_it_promises():
    hits = sum(
        low <= 0 <= high
        for low, high in (interval(RNG.normal(size=(12, 1))) for _ in range(200))
    )  # fmt: skip
    assert 170 <= hits <= 199


def test_tests_of_pairs():
    d = RNG.normal(0.5, 1, (3, 5))
    assert wilcoxon(d) == stats.wilcoxon(d.ravel()).pvalue
    assert wilcoxon(np.zeros((2, 2))) == 1
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1, 1]


def test_profile():
    costs = np.array([[1.0, 4.0, np.inf], [2.0, 2.0, np.inf]])
    shares = profile(costs, np.array([1.0, 2.0]))
    np.testing.assert_allclose(shares, [[1 / 3, 2 / 3], [1 / 3, 2 / 3]])
