"""One lazy token: the closed forms against every pattern of visits, the walks against moments."""

import itertools

import numpy as np
import pytest

from freqopt.theory.exact.counters import counter_moments, horizon_step
from freqopt.theory.exact.lone import (
    LATTICE,
    hinge_gap,
    huber_gap,
    mean_position,
    noisy_walks,
    pushed_positions,
)


def every_pattern(p, steps):
    """(probability, visits before each step) of every pattern of T - 1 visits."""
    for pattern in itertools.product((0, 1), repeat=steps - 1):
        seen = np.concatenate([[0], np.cumsum(pattern)])
        yield p ** sum(pattern) * (1 - p) ** (steps - 1 - sum(pattern)), seen


@pytest.mark.parametrize("p", [0.3, 1.0])
def test_the_mean_position_is_that_of_every_pattern(p):
    x = np.random.default_rng(0).random(8)
    wanted = sum(w * x[seen].mean() for w, seen in every_pattern(p, 7))
    assert mean_position(x, p, 7) == pytest.approx(wanted, rel=1e-13)


def test_the_hinge_is_exact_up_to_its_kink_and_a_lower_bound_beyond():
    for sizes, exact in (
        (np.full(4, 0.25), True),
        (np.full(8, 0.1), True),
        (np.full(9, 0.7), False),
    ):
        x = np.maximum(1 - np.concatenate([[0.0], np.cumsum(sizes)]), -9.0)
        stop = int(np.argmax(x <= 1e-12)) if (x <= 1e-12).any() else len(x) - 1
        x[stop:] = x[stop]
        x = np.concatenate([x, np.full(9, x[-1])])
        wanted = sum(w * 0.3 * max(x[seen].mean(), 0) for w, seen in every_pattern(0.3, 7))
        found = hinge_gap(0.3, 7, sizes)
        assert found == pytest.approx(wanted, rel=1e-12) if exact else 0 < found <= wanted


def test_huber_is_a_lower_bound_and_attains_what_is_known_at_p_1():
    assert huber_gap(1.0, 12, 0.25, 1.0) == pytest.approx(2 / (12 + 3), rel=1e-2)  # 1/(2 eta (T+3))
    for width in (0.1, 0.3):
        x = [1.0]
        for _ in range(8):
            x.append(x[-1] - 0.25 * min(x[-1], width))
        x = np.array(x)
        h = lambda m, w=width: m**2 / 2 if m <= w else w * (m - w / 2)  # noqa: E731
        assert sum(w * 0.4 * h(x[s].mean()) for w, s in every_pattern(0.4, 7)) <= 1.05 * huber_gap(
            0.4, 7, 0.25, 1.0
        )


@pytest.mark.parametrize("batch", [1, 3])
def test_noisy_walks_have_the_moments_of_the_counter_programme(batch):
    p, steps, one = 0.2, 60, np.ones(1)
    step = horizon_step(0.5, steps, 0.25, batch)
    exact = counter_moments(p * one, one, one, 0 * one, steps, step, batch=batch).square[:, 0]
    for first in (1, 31):
        drawn = noisy_walks(p, steps, step, 1, batch, power=2, first=first)(0, 20_000)
        wanted = p**2 * exact[first - 1 :].mean()
        error = drawn.std() / np.sqrt(len(drawn))
        assert abs(drawn.mean() - wanted) < 5 * error
        assert error < 0.02 * wanted


def test_pushed_positions_are_those_of_all_paths_rounded_down():
    drift, diameter, alpha, count = 0.3, 1.3, 0.7, 9
    x, chance, exact = np.zeros(1), np.ones(1), []
    for n in range(1, count + 1):
        exact.append(chance @ x)
        moves = [(1, (1 + drift) / 2), (-1, (1 - drift) / 2)]
        chance = np.concatenate([chance * share for _, share in moves])
        size = alpha / np.sqrt(n)
        x = np.concatenate([np.clip(x - g * size, 0, diameter) for g, _ in moves])
    found = pushed_positions(drift, diameter, alpha, count)
    assert np.all(found <= exact)
    assert np.all(found >= np.array(exact) - np.arange(count) * diameter / LATTICE)
