"""The closed forms against an 80-digit twin, a direct recursion, and the rule's own steps."""

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest

from freqopt.theory.exact.counters import counter_moments
from freqopt.theory.exact.moments import averaged_iterate, last_iterate, time_average


def twin(p, curvature, sigma2, m0, eta, steps):
    """The three closed forms with differences of powers, in 80 digits."""
    p, curvature, sigma2, m0, eta = (mp.mpf(float(v)) for v in (p, curvature, sigma2, m0, eta))
    h = eta * curvature
    a, c = p * h, p * h * (2 - h)
    rest = p * eta**2 * sigma2 / c
    x, z = 1 - c, 1 - a

    def weighted(q):  # sum_s q^s w_s
        geometric = mp.mpf(steps) if q == 1 else (1 - q**steps) / (1 - q)
        return 2 * (geometric - z * (z**steps - q**steps) / (z - q)) / a - geometric

    average = ((m0 - rest) * weighted(x) + rest * weighted(mp.mpf(1))) / mp.mpf(steps) ** 2
    last = x**steps * m0 + (1 - x**steps) * rest
    mean = ((m0 - rest) * (1 - x**steps) / (1 - x) + rest * steps) / steps
    return float(average), float(last), float(mean)


def closed_forms(p, curvature, sigma2, m0, eta, steps):
    h = eta * curvature
    c, y = p * h * (2 - h), p * eta**2 * sigma2
    return (
        float(averaged_iterate(p, curvature, sigma2, m0, eta, steps)),
        float(last_iterate(c, y, m0, steps)),
        float(time_average(c, y, m0, steps)),
    )


def extreme_points(count):
    rng = np.random.default_rng(20)
    for _ in range(count):
        p, curvature = 10 ** rng.uniform(-8, 0), 10 ** rng.uniform(-6, 0)
        eta = min(0.999 / curvature, 10 ** rng.uniform(-8, 0))
        yield (
            p,
            curvature,
            10 ** rng.uniform(-4, 4),
            10 ** rng.uniform(-4, 4),
            eta,
            int(10 ** rng.uniform(0, 12)),
        )


def test_closed_forms_equal_their_80_digit_twin():
    with mp.workdps(80):
        for point in extreme_points(400):
            for ours, exact in zip(closed_forms(*point), twin(*point), strict=True):
                # 40 squarings of rounded non-negative numbers: measured 3.9e-15.
                assert ours == pytest.approx(exact, rel=2e-14)


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
