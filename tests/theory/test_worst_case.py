"""Worst cases known in closed form or from the literature, where PEPit is installed."""

import pytest

pytest.importorskip("PEPit", reason="worst cases need the extra 'theory'")

from freqopt.theory.engines.worst_case import (
    averaged_descent,
    critical_gradient,
    lazy_token,
    patterns,
    with_memory,
)


@pytest.mark.parametrize(("steps", "eta"), [(1, 1.0), (4, 1.0), (12, 0.25)])
def test_averaged_descent(steps, eta):
    """R^2/(2 eta T) at eta = 1/L; T/(T + 3) of it at eta = 1/(4L)."""
    share = 1.0 if eta == 1.0 else steps / (steps + 3)
    assert averaged_descent(steps, eta) == pytest.approx(share / (2 * eta * steps), rel=1e-4)


def test_fresh_gradients_have_gradient_descents_rate():
    for steps in (2, 5):
        fresh = [{t: 1.0} for t in range(steps)]
        assert with_memory(fresh, 0.5, 0.1) == pytest.approx((1 - 0.05) ** (2 * steps), rel=1e-4)


def test_without_noise_a_token_that_is_always_sampled_is_gradient_descent():
    assert lazy_token(3, 1.0, 1.0, 0.0) == pytest.approx(averaged_descent(3, 1.0), rel=1e-3)


def test_the_real_rule_against_the_recorded_worst_cases():
    """memory.md section 8, part C: kappa_f = 10, N = 6, C = 1, lambda = 0.7."""
    assert critical_gradient(6, 0.1, 0.1)[0] == pytest.approx(0.79930, abs=2e-5)
    value, branch = critical_gradient(6, 0.5, 0.1)
    assert (value, branch) == (pytest.approx(1.00326, abs=2e-5), "kkkk")
    assert critical_gradient(6, 0.5, 0.1, share=0.5)[0] == pytest.approx(0.53275, abs=2e-5)


def test_patterns_are_all_delays_within_the_age():
    assert len(list(patterns(4, 1))) == 8
    assert max(max(p) for p in patterns(4, 2)) == 2
