"""SGD and its momentum forms against closed forms and published figures."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest

from freqopt import run
from freqopt.optimizers import rules
from freqopt.optimizers._slow import slow_rate

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


LAWS = {
    "inverse": [1, 1 / 1.25, 1 / 1.5, 1 / 1.75, 1 / 2, 1 / 2.25],
    "inverse_sqrt": [1, 1.25**-0.5, 1.5**-0.5, 1.75**-0.5, 2**-0.5, 2.25**-0.5],
    "linear": [1, 0.75, 0.5, 0.25, 0.25, 0.25],
    "cosine": [1, math.cos(math.pi / 8) ** 2, 0.5, *[math.cos(3 * math.pi / 8) ** 2] * 3],
    "step": [1, 1, 1, 1, 0.5, 0.5],
    "warmup": [0.25, 0.5, 0.75, 1, 1, 1],
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_rate_laws(law, backend) -> None:
    """The six laws at d = 1/4 over six batches; both texts; no rate is ever 0."""
    rule = SGD(lr=1, lr_decay=0.25, lr_decay_law=law)
    path = [0.0, *_path(rule, [1.0] * 6)]
    assert [a - b for a, b in itertools.pairwise(path)] == pytest.approx(LAWS[law])
    assert type(rule.rate(3)) is float  # anything else would widen float32 tables
    for t in (1, 2, 7, 10**7):
        assert rule.rate(t) == slow_rate(rule, t) > 0
    assert SGD(lr=1, lr_decay_law=law).rate(9) == 1
    problem = {"name": "token_quadratic", "tokens": {"kind": "zipf", "size": 5}}
    runs = [run(problem, rule, steps=9, dtype="float32", backend=b) for b in (backend, "numpy")]
    assert np.array_equal(*(np.asarray(one.tables["tokens"]) for one in runs))
