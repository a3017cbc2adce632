"""The engine of laws L1 to L5, against slower twins."""

import itertools

import numpy as np
import pytest

from freqopt.errors import SamplerError
from freqopt.theory.exact.counters import anytime_step, counter_moments
from freqopt.theory.scaling import adaptive, counting, epochs, groups, limits, online


def test_counts_are_grouped_without_loss():
    counts = np.array([5, 0, 1, 5, 1, 1, 8])
    found = groups.from_counts(counts)
    assert found.p.tolist() == [8 / 21, 5 / 21, 1 / 21]
    assert found.weight.tolist() == [1, 2, 3]
    with pytest.raises(SamplerError, match="no token has a positive count"):
        groups.from_counts([0, 0])


@pytest.mark.parametrize(
    ("counts", "said"),
    [([-1, 2], "a count is -1"), ([1.5, 2], "expected integers"), ([[1, 2]], "shape \\(1, 2\\)")],
)
def test_what_is_no_count_is_refused(counts, said):
    with pytest.raises(SamplerError, match=said):
        groups.from_counts(counts)


@pytest.mark.parametrize("nu", [0.5, 1.0, 2.0])
def test_a_grouped_tail_changes_nothing_that_is_seen(nu):
    p = np.arange(1, 200_001.0) ** -nu
    alone = groups.Groups(p / p.sum(), np.ones_like(p))
    grouped = groups.zipf(nu, 200_000)
    assert grouped.p.size < 2000
    assert grouped.size == 200_000
    for steps, eta in ((1e3, 0.3), (1e6, 0.01), (1e8, 1.0)):
        assert online.gap(grouped, eta, steps) == pytest.approx(
            online.gap(alone, eta, steps), rel=1e-5
        )


def test_the_late_speed_up_is_that_of_every_token():
    p = np.arange(1, 301.0) ** -1.5
    p /= p.sum()
    expected = 1 / (np.sqrt(p[-1]) * np.sqrt(p).sum())
    assert limits.late_speed_up(groups.zipf(1.5, 300)) == pytest.approx(expected, rel=1e-4)


def test_a_law_without_end_needs_an_exponent_above_one():
    with pytest.raises(SamplerError, match="give a size"):
        groups.zipf(1.0)


@pytest.mark.parametrize("alpha", [0.3, 1.4])
def test_counting_is_the_dynamic_programme_over_counters(alpha):
    tokens = groups.zipf(1.0, 6)
    one = np.ones(6)
    twin = counter_moments(tokens.p, one, 2.5 * one, one, 60, anytime_step(alpha, 1.0)).last
    assert counting.counter_gap(tokens, alpha, 60, 2.5) == pytest.approx(
        twin @ tokens.p / 2, rel=1e-12
    )


def test_many_visits_are_followed_in_stretches():
    numbers, found = counting.by_visits(0.4, 250_000, 2.0)
    r = 1.0
    for n in range(1, int(numbers[-1]) + 1):
        e = min(1.0, 0.4 / np.sqrt(n))
        r = (1 - e) ** 2 * r + e**2 * 2.0
    assert found[-1] == pytest.approx(r, rel=1e-4)


def test_the_law_of_visits_has_the_right_mass_and_mean():
    tokens = groups.zipf(1.2)
    n, mass = counting.visit_law(tokens, 1e5)
    assert mass.sum() == pytest.approx(1, rel=1e-12)
    assert mass @ n == pytest.approx(1e5 * np.sum(tokens.mass * tokens.p), rel=1e-6)


@pytest.mark.parametrize(("steps", "q"), [(3000, 0.5), (1000, 0.0), (10_000, 1.0)])
def test_no_rate_of_the_shape_is_better_than_the_tuned_one(steps, q):
    tokens, shape = groups.zipf(1.1, 300), groups.zipf(1.1, 300).p ** -q
    best, c = online.power_law_rule(tokens, steps, 4.0, q=q)
    assert best == online.gap(tokens, np.minimum(1, c * shape), steps, 4.0)
    for other in c * np.geomspace(1e-2, 1e2, 2000):
        assert best <= online.gap(tokens, np.minimum(1, other * shape), steps, 4.0) * (1 + 1e-7)
    assert online.oracle(tokens, steps, 4.0) < best


def test_the_mean_rate_of_rmsprop_is_that_of_every_history():
    p, beta2, length = 0.3, 0.4, 14
    mean = 0.0
    for seen in itertools.product((0, 1), repeat=length):
        chance = np.prod([p if b else 1 - p for b in seen])
        v = (1 - beta2) * (1 + sum(b * beta2**j for j, b in enumerate(seen, start=1)))
        mean += chance * v**-0.5
    found = adaptive.inverse_root(p, beta2) / np.sqrt(p + 1 - beta2)
    assert found == pytest.approx(mean, rel=1e-5)


def test_tokens_without_samples_keep_their_start():
    n = np.array([0.0, 1.0])
    assert epochs.token_risk(n, 0.5, 3, 4.0)[0] == 1
    assert epochs.shrinkage_risk(n, 0.5, 4.0)[0] == 1
    # One sample at the rate 1, any number of passes: the sample itself.
    assert epochs.token_risk(n, 1.0, 7, 4.0)[1] == 4
