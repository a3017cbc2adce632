"""Exact proofs of the chain: each condition of each is needed."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from freqopt.theory.certificate import RefusedError
from freqopt.theory.engines.chain import attained, one_step
from freqopt.theory.engines.chain.rational import certified, checked, weights
from freqopt.theory.engines.chain.tokens import Chain
from freqopt.theory.engines.chain.visits import occupation
from freqopt.theory.engines.chain.worst import worst

HALF = Fraction(1, 2)


@pytest.fixture(scope="module")
def certificate():
    pytest.importorskip("clarabel", reason="the search for certificates needs the extra 'theory'")
    return certified(3, HALF, Fraction(4, 5))


def test_the_certificate_is_above_the_worst_case_and_near_it(certificate):
    chain = Chain(tuple(occupation(3, 0.5)), (0.8, 0.8), gamma2=1.0)
    assert worst(chain).lower < checked(certificate) < worst(chain).lower * (1 + 1e-5)


def test_the_weights_are_those_of_the_chain():
    assert np.allclose([float(w) for w in weights(7, Fraction(3, 10))], occupation(7, 0.3))


def changed(certificate, pair, amount):
    return {**certificate.multipliers, pair: certificate.multipliers.get(pair, 0) + amount}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: {"multipliers": changed(c, (0, 1), Fraction(1, 10**12))}, "values that cancel"),
        (lambda c: {"multipliers": changed(c, (2, -1), Fraction(-1))}, "no negative multiplier"),
        (lambda c: {"tau": c.tau * Fraction(9, 10)}, "positive semidefinite"),
        (lambda c: {"nu": (c.nu[0] * Fraction(9, 10), *c.nu[1:])}, "positive semidefinite"),
        (lambda c: {"eta": c.eta * 2}, "positive semidefinite"),
        (lambda c: {"p": c.p / 2}, "values that cancel"),
        (lambda c: {"nu": c.nu[:-1]}, "T nus"),
    ],
)
def test_a_changed_certificate_is_refused(certificate, change, said):
    with pytest.raises(RefusedError, match=said):
        checked(replace(certificate, **change(certificate)))


def gradient_step(eta=HALF, p=Fraction(1, 3), L=Fraction(1), fall=None, noise=1):
    """T2's line: E|e'|^2 <= |e|^2 - 2 p eta F + p eta^2 |xi|^2; basis e, g, xi."""
    e, g, xi = ([Fraction(i == j) for j in range(3)] for i in range(3))
    after = [a - eta * (b + c) for a, b, c in zip(e, g, xi, strict=True)]
    slack = one_step.moved(e, [(p, after), (1 - p, e)])
    slack = one_step.add(slack, (noise * p * eta**2, one_step.square(xi)))
    zero, used = [Fraction(0)] * 3, 2 * p * eta
    return one_step.OneStep(
        3, slack, [-(fall or used)], {0: (e, g), -1: (zero, zero)}, {"-1,0": used}, Fraction(0), L,
        uncorrelated={(0, 2): Fraction(0), (1, 2): Fraction(0)},
    )  # fmt: skip


def test_one_step_is_proved():
    one_step.prove(gradient_step())
    one_step.prove(gradient_step(eta=Fraction(1)))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"eta": Fraction(101, 100)}, "positive semidefinite"),
        ({"noise": Fraction(99, 100)}, "positive semidefinite"),
        ({"fall": Fraction(1, 2)}, "values of F that cancel"),
        ({"L": None}, "positive semidefinite"),
    ],
)
def test_a_wrong_step_is_not(wrong, said):
    with pytest.raises(RefusedError, match=said):
        one_step.prove(gradient_step(**wrong))


def test_noise_that_is_not_of_mean_zero_is_not_struck_out():
    with pytest.raises(RefusedError, match="positive semidefinite"):
        one_step.prove(replace(gradient_step(), uncorrelated={}))


def test_a_negative_multiplier_is_refused_with_and_without_smoothness():
    for L in (Fraction(1), None):
        step = gradient_step(L=L)
        negative = {**step.multipliers, "0,-1": Fraction(-1)}
        with pytest.raises(RefusedError, match="negative multiplier"):
            one_step.prove(replace(step, multipliers=negative))


def test_chances_that_do_not_sum_to_one_are_refused():
    with pytest.raises(RefusedError, match="sum to 1"):
        one_step.moved([Fraction(1)], [(HALF, [Fraction(1)])])


def fa_19(steps):
    """2 (T + 1 - H)/(T (T + 1)), H = 1 + 1/2 + .. + 1/(T + 1)."""
    H = sum(Fraction(1, k) for k in range(1, steps + 2))
    return 2 * (steps + 1 - H) / (steps * (steps + 1))


class TestTheSharperBoundOfFA19IsAttained:
    @pytest.fixture(autouse=True)
    def _with_a_solver(self):
        pytest.importorskip("clarabel", reason="the search for instances needs the extra 'theory'")

    @pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 8])
    def test_in_rationals_with_bounded_gradients_on_the_hull(self, steps):
        assert attained.replayed(attained.instance(steps)) == fa_19(steps)

    @pytest.mark.parametrize("steps", [6, 12])
    def test_in_rationals_with_bounded_gradients_at_the_rows(self, steps):
        gram = attained.instance(steps, everywhere=False)
        assert attained.replayed(gram, everywhere=False) == fa_19(steps)

    def test_a_longer_gradient_is_refused(self):
        gram = attained.instance(3)
        gram[1][1] += Fraction(1, 2**30)
        with pytest.raises(RefusedError, match="at the rows"):
            attained.replayed(gram)

    def test_a_gradient_that_is_longer_elsewhere_on_the_hull_is_refused(self):
        gram = attained.instance(12, everywhere=False)
        with pytest.raises(RefusedError, match="on the hull"):
            attained.replayed(gram)

    def test_a_matrix_of_no_vectors_is_refused(self):
        gram = attained.instance(3)
        gram[0][1] = gram[1][0] = Fraction(-2)
        with pytest.raises(RefusedError, match="positive semidefinite"):
            attained.replayed(gram)
