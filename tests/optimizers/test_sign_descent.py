"""Sign descent and normalised steps, which docs/laws.md says are options of other rules."""

import numpy as np
import pytest

from freqopt.optimizers import rules

GRADIENTS = np.array([[3.0, -0.5, 0.0], [-1e-9, 4.0, 1e6]])
SIGN = {"rho": 0.0, "epsilon": 1e-30, "lr": 0.5}
ROWS = {"beta1": 0.0, "beta2": 0.0, "epsilon": 1e-30, "statistic": "row_mean", "lr": 0.5}


def moved(name, options, times):
    table = np.zeros((2, 3))
    rule = rules[name](**options)
    state = rule.init(table)
    for _ in range(times):
        rule.step(table, state, np.array([0, 1]), GRADIENTS)
    return table


def test_rmsprop_that_forgets_everything_is_sign_descent():
    np.testing.assert_array_equal(moved("rmsprop", SIGN, 3), -1.5 * np.sign(GRADIENTS))


def test_momentum_is_of_the_signs():
    found = moved("rmsprop", {**SIGN, "momentum": 0.5}, 3)  # 1 + (1 + 1/2) + (1 + 1/2 + 1/4)
    np.testing.assert_array_equal(found, -0.5 * 4.25 * np.sign(GRADIENTS))


def test_adam_that_forgets_everything_normalises_rows():
    found = moved("adam", ROWS, 2)
    rms = np.sqrt(np.mean(GRADIENTS**2, axis=1, keepdims=True))
    assert found == pytest.approx(-GRADIENTS / rms, rel=1e-12)
