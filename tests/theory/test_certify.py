"""The search for certificates, where its solver is installed."""

from fractions import Fraction

import pytest

from freqopt.theory.certificate import check
from freqopt.theory.engines.atlas import pace
from freqopt.theory.engines.certify import (
    Method,
    fastest,
    heavy_ball,
    noise_gain,
    search,
    selection,
)

pytest.importorskip("cvxpy", reason="the search for certificates needs the extra 'theory'")
pytest.importorskip("clarabel", reason="the search for certificates needs the extra 'theory'")


def method(K, vertices, kappa=10):
    return Method(Fraction(1, kappa), Fraction(1), K, vertices)


def test_what_is_found_is_proved():
    m = method(1, selection(1, Fraction(1, 4)))
    text = search(m, pace(m, Fraction(99, 100)))
    assert check(text)["rho"] == pace(m, Fraction(99, 100))


def test_faster_than_possible_is_not_found():
    m = method(1, selection(1, Fraction(1, 4)))
    assert search(m, pace(m, Fraction(101, 100))) is None


def test_gradient_descent_has_its_own_rate():
    m = method(0, selection(0, Fraction(1, 2)))
    assert fastest(m, 1e-6) == pytest.approx((1 - 0.05) ** 2, abs=3e-6)


def test_an_unstable_step_has_no_rate():
    assert fastest(method(2, selection(2, Fraction(3, 5)))) is None


def test_noise_and_momentum():
    m = method(0, selection(0, Fraction(1, 2)))
    rho = pace(m, Fraction(1, 2))
    tau = noise_gain(m, rho)
    claim = check(search(m, rho, tau))
    assert 100 <= float(sum(claim["tau"]) / (1 - claim["rho"])) < 101  # exact: 1/mu^2 = 100
    moving = method(1, heavy_ball(1, Fraction(1, 4), Fraction(1, 2)))
    assert check(search(moving, Fraction(90, 100)))["K"] == 1
