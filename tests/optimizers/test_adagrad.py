"""AdaGrad against closed forms and published figures."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from freqopt.optimizers import rules

ADAGRAD = rules["adagrad"]
GRADIENTS = [0.5, -1.25, 2.0, 0.75]


def _path(rule, gradients=GRADIENTS) -> list[float]:
    table = np.zeros((1, 1))
    state = rule.init(table)
    path = []
    for g in gradients:
        rule.step(table, state, np.array([0]), np.array([[g]]))
        path.append(float(table[0, 0]))
    return path


def _weights(law: str, t: int) -> list[mpmath.mpf]:
    """What g_s^2 counts for in v after step t, s = 1..t."""
    if law == "mean":
        return [(1 - mpmath.mpf(0.9)) * mpmath.mpf(0.9) ** (t - s) for s in range(1, t + 1)]
    return [mpmath.sqrt(s + 1) if law == "weighted" else mpmath.mpf(1) for s in range(1, t + 1)]


@pytest.mark.parametrize("law", ["sum", "mean", "weighted"])
@pytest.mark.parametrize("place", ["outside", "inside", "inside_guarded"])
@pytest.mark.parametrize("order", ["accumulate_first", "use_first"])
@pytest.mark.parametrize("initial", [0.0, 0.1])
def test_closed_form(law, place, order, initial) -> None:
    rule = ADAGRAD(
        lr=0.1, law=law, rho=0.9, epsilon_place=place, epsilon=1e-3, order=order,
        initial_accumulator=initial,
    )  # fmt: skip
    w, exact, eps = mpmath.mpf(0), [], mpmath.mpf(1e-3)
    for t in range(1, len(GRADIENTS) + 1):
        upto = t if order == "accumulate_first" else t - 1
        fades = mpmath.mpf(0.9) ** upto if law == "mean" else 1
        v = fades * mpmath.mpf(initial) + sum(
            c * mpmath.mpf(g) ** 2 for c, g in zip(_weights(law, upto), GRADIENTS, strict=False)
        )
        den = mpmath.sqrt(v) + eps if place == "outside" else mpmath.sqrt(v + eps)
        guarded = place == "inside_guarded" and v == 0
        w -= 0 if guarded else mpmath.mpf(0.1) * mpmath.mpf(GRADIENTS[t - 1]) / den
        exact.append(float(w))
    # With use_first, v = 0 and eps = 1e-3 the first step is 50: relative, a few roundings.
    np.testing.assert_allclose(_path(rule), exact, rtol=4e-15)


def test_first_steps_of_libraries() -> None:
    # default_rng(0)'s first normal, rate 0.1, own defaults: optax 0.0369, torch 0.1000 (3.4).
    g = float(np.random.default_rng(0).standard_normal())
    optax = ADAGRAD(lr=0.1, **ADAGRAD.dialects["optax.adagrad"])
    torch = ADAGRAD(lr=0.1, **ADAGRAD.dialects["torch.Adagrad"])
    assert round(abs(_path(optax, [g])[0]), 4) == 0.0369
    assert round(abs(_path(torch, [g])[0]), 4) == 0.1
    # With accumulator 0 the first step is the rate, whatever the gradient; with 0.1 it is not.
    assert _path(ADAGRAD(lr=0.1, epsilon=0), [1e-6])[0] == pytest.approx(-0.1, rel=1e-15)
    small = ADAGRAD(lr=0.1, epsilon=0, initial_accumulator=0.1)
    assert _path(small, [1e-6])[0] == pytest.approx(-0.1 * 1e-6 / 0.1**0.5, rel=1e-10)


def test_gradient_equal_to_epsilon() -> None:
    # g = eps = 1e-3: half a rate outside the root, 0.0316 of it inside (semantics 2.3).
    outside = ADAGRAD(lr=1, epsilon=1e-3)
    inside = ADAGRAD(lr=1, epsilon=1e-3, epsilon_place="inside")
    assert -_path(outside, [1e-3])[0] == pytest.approx(0.5, rel=1e-12)
    assert round(-_path(inside, [1e-3])[0], 4) == 0.0316
