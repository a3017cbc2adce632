"""The closed forms and the counter programme against direct recursions in rationals.

Their 80-digit twin is a claim of X1, in proofs_check.
"""

from fractions import Fraction

import numpy as np
import pytest

from freqopt.theory.exact.counters import counter_moments
from freqopt.theory.exact.moments import averaged_iterate, last_iterate, time_average
from freqopt.theory.exact.tokens import Tokens


def closed_forms(p, curvature, sigma2, m0, eta, steps):
    h = eta * curvature
    c, y = p * h * (2 - h), p * eta**2 * sigma2
    return (
        float(averaged_iterate(p, curvature, sigma2, m0, eta, steps)),
        float(last_iterate(c, y, m0, steps)),
        float(time_average(c, y, m0, steps)),
    )


def test_closed_forms_equal_the_recursion_in_rationals():
    p, lam, s2, m, eta, steps = (
        Fraction(n, d) for n, d in ((3, 10), (7, 10), (2, 5), (2, 1), (1, 5), (57, 1))
    )
    point, steps = (p, lam, s2, m, eta), 57
    cross, both, mean = m, 0, 0
    for _ in range(steps):
        both += 2 * cross - m
        mean += m
        m = (1 - p * eta * lam * (2 - eta * lam)) * m + p * eta**2 * s2
        cross = (1 - p * eta * lam) * cross + m
    ours = closed_forms(*(float(v) for v in point), steps)
    assert ours == pytest.approx((float(both / steps**2), float(m), float(mean / steps)), rel=1e-14)


def test_counter_programme_equals_closed_form_for_a_constant_step():
    p, lam, s2, e0 = (np.array(v) for v in ([0.2, 0.01], [0.6, 0.9], [0.3, 2.0], [1.5, 0.1]))
    eta, steps = 0.1, 200
    found = counter_moments(p, lam, s2, e0, steps, lambda n, t: np.full(n.shape, eta))
    for k in range(2):
        _, last, mean = closed_forms(p[k], lam[k], s2[k], e0[k], eta, steps)
        assert found.last[k] == pytest.approx(last, rel=1e-12)
        assert found.square[:, k].mean() == pytest.approx(mean, rel=1e-12)
    assert found.step == pytest.approx(np.full((steps, 2), eta), rel=1e-12)


@pytest.mark.parametrize("batch", [2, 5])
def test_counter_programme_of_a_batch_equals_the_closed_form(batch):
    """A mean of B gradients has a B-th of their noise: / B^2, over a binomial number of visits."""
    p, lam, s2, e0 = (np.array(v) for v in ([0.2, 0.01], [0.6, 0.9], [0.3, 2.0], [1.5, 0.1]))
    eta, steps = np.full(2, 0.1), 60
    tokens = Tokens("t", p, lam, s2, e0, eta, steps, batch=batch)
    found = counter_moments(
        p, lam, s2, e0, steps, lambda n, t: np.full(n.shape, eta[0]), batch=batch
    )
    np.testing.assert_allclose(found.last, tokens.last(), rtol=1e-12)
    np.testing.assert_allclose(found.square.mean(axis=0), tokens.mean(), rtol=1e-12)


def test_counter_programme_in_rationals_is_exact():
    steps, half = 7, lambda n, t: np.array([Fraction(1, 2 * int(i)) for i in n])
    third, one = np.array([Fraction(1, 3)]), np.array([Fraction(1)])
    found = counter_moments(third, one, one / 4, one, steps, half)
    floats = counter_moments(
        *(v.astype(float) for v in (third, one, one / 4, one)), steps, lambda n, t: 1 / (2 * n)
    )
    assert isinstance(found.last[0], Fraction)
    assert float(found.last[0]) == pytest.approx(floats.last[0], rel=1e-14)
    # E[1/eta] = 2 E[count + 1] before step t = 2 (1 + (t - 1) p), exactly.
    assert list(found.inverse_step[:, 0]) == [2 * (1 + t * third[0]) for t in range(steps)]


def test_what_is_trivially_true_of_a_gradient_is_reached():
    """E|grad_k f|^2 goes from its start to its stationary value: the larger of the two, no more."""
    p, lam, s2, e0 = (np.array(v) for v in ([0.2, 0.1], [0.6, 0.9], [3.0, 0.1], [0.1, 2.0]))
    first, last = (Tokens("t", p, lam, s2, e0, np.full(2, 0.1), steps) for steps in (1, 10**12))
    reached = np.maximum(first.square_gradient(), last.square_gradient())
    np.testing.assert_allclose(first.trivial_square_gradient(), reached, rtol=1e-9)
    assert reached[0] > first.square_gradient()[0]  # one of each kind
    assert reached[1] > last.square_gradient()[1]
