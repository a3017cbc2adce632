"""The closed forms and the counter programme against direct recursions in rationals.

Their 80-digit twin is a claim of X1, in proofs_check.
"""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from freqopt.theory import Context, Word
from freqopt.theory.exact.counters import counted_search, counter_moments, horizon_step
from freqopt.theory.exact.moments import averaged_iterate, last_iterate, time_average
from freqopt.theory.exact.power_sums import power_sum
from freqopt.theory.exact.tokens import Tokens, power_steps, random_tokens, token_search
from freqopt.theory.loading import load


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


@pytest.mark.parametrize("wrong", ["noise x 0.9", "noise x 1.1"])
def test_a_second_moment_is_refuted_on_either_side(wrong):
    """Its first moment is right, so nothing but identity (2) can see it."""
    file = load(Path(__file__).parents[2] / "proofs_check" / "m0_moment_identities.py")
    for right, mutant in ((True, None), (False, file.mutants[wrong])):
        check = next(c for c in file.theorem(mutant).checks if c.name == "SGD")
        assert check.run(Context()).word is (Word.EXACT if right else Word.REFUTED)


def test_the_search_spaces_reach_their_corners():
    spaces = (
        token_search(power_steps(0.5), size=2, horizon=3.5),
        counted_search(lambda alpha, steps: horizon_step(alpha, steps, 0.25), horizon=3.5),
    )
    for space in spaces:
        low, high = (space.make(np.full(space.dimension, x)) for x in (0.0, 1.0))
        assert (low.steps, high.steps) == (1, round(10**3.5))
        for letter, least, largest in (
            ("alpha", 1e-3, 1e3),
            ("lam", 1e-3, 1),
            ("sigma2", 1e-4, 1e2),
            ("R2", 1e-4, 1e2),
        ):
            assert np.ravel(low.letters()[letter])[0] == pytest.approx(least)
            assert np.ravel(high.letters()[letter])[0] == pytest.approx(largest)
        corner = np.full(space.dimension, 0.5)
        corner[:2] = 0.0, 1.0
        p = space.make(corner).p
        assert p[1] / p[0] == pytest.approx(np.exp(8))
    steps = [tokens.steps for tokens in random_tokens(power_steps(0.5), 200, horizon=4)]
    assert min(steps) < 20 < 5000 < max(steps)


def test_power_sums_equal_the_terms_added_up():
    k = np.arange(1.0, 200_001)
    for s in (0.0, 0.3, 1.0, 1.7, 6.0):
        assert power_sum(2e5, s) == pytest.approx(float(np.sum(k[::-1] ** -s)), rel=1e-13)
        assert power_sum(7.0, s) == pytest.approx(float(np.sum(k[:7] ** -s)), rel=1e-15)
