"""Worst cases known in closed form or from the literature, where PEPit is installed."""

import pytest

pytest.importorskip("PEPit", reason="worst cases need the extra 'theory'")

from freqopt.theory.engines.worst_case import (
    critical_gradient,
    patterns,
    with_memory,
)


def test_fresh_gradients_have_gradient_descents_rate():
    for steps in (2, 5):
        fresh = [{t: 1.0} for t in range(steps)]
        assert with_memory(fresh, 0.5, 0.1) == pytest.approx((1 - 0.05) ** (2 * steps), rel=1e-4)


def test_the_real_rule_against_the_recorded_worst_cases():
    """memory.md section 8, part C: kappa_f = 10, N = 6, C = 1, lambda = 0.7."""
    assert critical_gradient(6, 0.1, 0.1)[0] == pytest.approx(0.79930, abs=2e-5)
    value, branch = critical_gradient(6, 0.5, 0.1)
    assert (value, branch) == (pytest.approx(1.00326, abs=2e-5), "kkkk")
    assert critical_gradient(6, 0.5, 0.1, share=0.5)[0] == pytest.approx(0.53275, abs=2e-5)


def test_patterns_are_all_delays_within_the_age():
    assert len(list(patterns(4, 1))) == 8
    assert max(max(p) for p in patterns(4, 2)) == 2
