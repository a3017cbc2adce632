"""Fixed-memory models: the condition of MEM-1, and exact second moments of a linear recursion."""

import numpy as np
import pytest

from freqopt.theory.exact.memory import (
    Condition,
    expected_value,
    greedy,
    mixture,
    one,
    run,
    with_current,
)


def test_the_largest_step_is_where_c1_is_an_equality():
    """Table of memory.md section 7, part 1: alpha L = 0.5616, 0.2758, 0.4137."""
    for kappa, oldest, weight, value in (
        (2, 1, 1, 0.5616),
        (10, 3, 1, 0.2758),
        (100, 1, 2, 0.4137),
    ):
        rule = Condition(oldest, weight, weight, np.ones(oldest), 1 / kappa)
        step = rule.largest_step()
        assert step == pytest.approx(value, abs=6e-5)
        assert abs(rule.slack(step)) < 1e-9


def test_fresh_gradients_are_gradient_descent():
    h, x0 = np.array([0.1, 1.0]), np.array([1.0, -2.0])
    values = run(h, x0, 0.5, 4, one([0]))
    assert values == pytest.approx([0.5 * h @ ((1 - 0.5 * h) ** t * x0) ** 2 for t in range(5)])


def test_greedy_is_at_least_as_bad_as_any_fixed_delay_for_one_step():
    h, x0 = np.array([0.3, 1.0]), np.array([1.0, 1.0])
    for delay in range(3):
        assert run(h, x0, 0.7, 1, greedy(h, 0.7, 2))[1] >= run(h, x0, 0.7, 1, one([delay]))[1]


def test_a_mixture_is_convex_and_sum_adds_the_current_gradient():
    select = with_current(mixture(3, 0))
    assert select(0, [], []) == {0: 1.0}
    for t in range(1, 8):
        assert sum(select(t, [], []).values()) == pytest.approx(2.0)


def test_a_diverging_run_is_infinite_not_nan():
    assert run(np.ones(1), np.ones(1), 50.0, 400, one([3]))[-1] == np.inf


def test_exact_moments_equal_all_sign_paths():
    """Noise +-1, three steps of a FIFO buffer: 8 paths by hand."""
    weights = [{0: 1.0}, {0: 1.0, 1: 1.0}, {0: 1.0, 1: 0.5, 2: 0.5}]
    h, alpha, total = 0.8, 0.2, np.zeros(4)
    for path in np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T:
        x, stored, values = 1.5, [], [0.5 * h * 1.5**2]
        for t, chosen in enumerate(weights):
            stored.append(h * x + path[t])
            x -= alpha * sum(w * stored[t - d] for d, w in chosen.items())
            values.append(0.5 * h * x**2)
        total += np.array(values) / 8
    assert expected_value(h, 1.5, 1.0, alpha, weights) == pytest.approx(total, rel=1e-13)
