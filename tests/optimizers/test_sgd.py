"""SGD and its momentum forms against closed forms and published figures."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from freqopt.optimizers import rules

SGD = rules["sgd"]


def _path(rule, gradients, start=0.0) -> list[float]:
    """Positions of one number after each gradient; None is a batch without the row."""
    table = np.array([[start], [0.0]])
    state = rule.init(table)
    path = []
    for g in gradients:
        rows, grads = ([1], [[0.0]]) if g is None else ([0], [[g]])
        rule.step(table, state, np.array(rows), np.array(grads))
        path.append(float(table[0, 0]))
    return path


def _closed(gradients, lr, mu, damp, *, first="undamped", nesterov=False) -> list[float]:
    """w_T = w_0 - lr sum_t (what step t takes), every buffer written out as a sum, in mpmath."""
    mu, keep = mpmath.mpf(mu), 1 - mpmath.mpf(damp)
    gs = [mpmath.mpf(g) for g in gradients]
    path, w = [], mpmath.mpf(0)
    for t in range(len(gs)):
        weights = [mu ** (t - s) * (1 if s == 0 and first == "undamped" else keep)
                   for s in range(t + 1)]  # fmt: skip
        b = sum(c * g for c, g in zip(weights, gs, strict=False))
        w -= mpmath.mpf(lr) * (gs[t] + mu * b if nesterov else b)
        path.append(float(w))
    return path


GRADIENTS = [0.5, -1.25, 2.0, 0.75, -0.5, 1.5]


@pytest.mark.parametrize("place", ["outside", "inside"])
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize(("damp", "first"), [(0.0, "undamped"), (0.3, "undamped"), (0.3, "damped")])
def test_momentum_is_the_written_out_sum(place, nesterov, damp, first) -> None:
    rule = SGD(
        lr=0.1, momentum=0.9, dampening=damp, first_buffer=first, nesterov=nesterov,
        rate_place=place,
    )  # fmt: skip
    exact = _closed(GRADIENTS, 0.1, 0.9, damp, first=first, nesterov=nesterov)
    # 4e-15 relative to a path of size 1: a few roundings per step, six steps.
    np.testing.assert_allclose(_path(rule, GRADIENTS), exact, rtol=0, atol=4e-15)


def test_torch_first_buffer_is_undamped() -> None:
    # mu = dampening = 0.9 and gradient 1: steps 1, 1, 1, 1, not 0.1 first (semantics 2.13).
    path = _path(SGD(lr=1, momentum=0.9, dampening=0.9), [1.0] * 4)
    np.testing.assert_allclose(np.diff([0, *path]), [-1, -1, -1, -1], rtol=1e-15)
    damped = _path(SGD(lr=1, momentum=0.9, dampening=0.9, first_buffer="damped"), [1.0])
    assert damped == [pytest.approx(-0.1, rel=1e-15)]


def test_one_touch_under_momentum_lazy_and_dense() -> None:
    # 1.0 at the touch; 9.85 after 40 batches where absent rows keep moving (semantics 2.2).
    visits = [1.0] + [None] * 39
    lazy = _path(SGD(lr=1, momentum=0.9), visits)
    dense = _path(SGD(lr=1, momentum=0.9, rows="all"), visits)
    assert lazy[-1] == -1.0
    assert dense[-1] == pytest.approx(-(1 - 0.9**40) / 0.1, rel=1e-14)
    assert round(-dense[-1], 2) == 9.85


def test_rate_inside_or_outside_the_buffer_differ_when_the_rate_falls() -> None:
    falling = {"lr": 1.0, "momentum": 0.9, "lr_decay": 9.0}  # 1, then 1/10, 1/19
    outside = _path(SGD(**falling), [1.0, 0.0])
    inside = _path(SGD(**falling, rate_place="inside"), [1.0, 0.0])
    assert outside == [-1.0, pytest.approx(-1 - 0.1 * 0.9, rel=1e-15)]
    assert inside == [-1.0, pytest.approx(-1 - 0.9, rel=1e-15)]


@pytest.mark.parametrize(("law", "third"), [("inverse", 1 / 5), ("inverse_sqrt", 5**-0.5)])
def test_rate_laws(law, third) -> None:
    path = _path(SGD(lr=1, lr_decay=2, lr_decay_law=law), [1.0, 1.0, 1.0])
    assert path[1] - path[2] == pytest.approx(third, rel=1e-15)
