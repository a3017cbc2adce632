"""What the loop computes by a shorter way: the same numbers."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from freqopt.backends.numba.arithmetic._elementary import NEAR, near_sigmoid
from freqopt.backends.numba.arithmetic._fold import finite
from freqopt.backends.numba.jit._compile import entry
from freqopt.backends.numba.jit._memory import address
from freqopt.backends.numba.problems._losses import rounded_sigmoid
from freqopt.streams import elementary

from ..compared import same
from .beside import agree


@entry("near_sigmoid and rounded_sigmoid of each")
def _both(given: Any, near: Any, rounded: Any) -> None:
    for k in range(given.size):
        near[k], rounded[k] = near_sigmoid(given[k]), rounded_sigmoid(given[k])


def _scores() -> np.ndarray:
    rng = np.random.default_rng(5)
    size = 10.0 ** rng.uniform(-12, 2.2, 300_000)
    steps = np.arange(-200, 200)[:, None] * (np.log(2) / 2)  # where the reduced argument is largest
    around = (steps + np.array([-1e-9, 0.0, 1e-9])).ravel()
    return np.concatenate([rng.normal(size=300_000) * 4, size, -size, around, [0.0, -0.0]])


def test_near_sigmoid_is_as_near_as_it_says() -> None:
    x = _scores()
    near, rounded = np.empty(x.size), np.empty(x.size, np.float32)
    _both(x, near, rounded)
    exact = elementary.sigmoid(x)
    assert (np.abs(near - exact) <= NEAR / 2 * exact).all()


def test_rounded_sigmoid_is_the_rounded_one() -> None:
    x = np.concatenate([_scores(), [700.0, -700.0, -720.0, 1e5, -1e5, np.inf, -np.inf, np.nan]])
    near, rounded = np.empty(x.size), np.empty(x.size, np.float32)
    _both(x, near, rounded)
    exact = elementary.sigmoid(x)
    assert same(rounded, exact.astype(np.float32))
    # The points must contain some where the short way alone rounds otherwise.
    assert (near.astype(np.float32) != rounded)[: x.size - 8].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 3, 8, 16, 37])
def test_finite_rows(width: int, dtype: type) -> None:
    row_is_finite = finite(width, numba.from_dtype(np.dtype(dtype)))

    @entry(f"finite rows {width} {np.dtype(dtype)}")
    def each(rows: Any, out: Any) -> None:
        for k in range(rows.shape[0]):
            out[k] = row_is_finite(address(rows, k))

    rows = np.full((1 + 3 * width, width), np.finfo(dtype).max, dtype)
    rows[:, ::2] *= -1
    for column in range(width):
        rows[1 + 3 * column : 4 + 3 * column, column] = np.inf, -np.inf, np.nan
    out = np.empty(len(rows), np.bool_)
    each(rows, out)
    assert out.tolist() == [True] + [False] * (3 * width)


def test_rules_that_differ_in_decay_or_norm_alone() -> None:
    """A rule with neither has a loop of its own, the others share theirs."""
    pairs = {"kind": "product", "u": {"kind": "zipf", "size": 30}, "v": {"kind": "zipf", "size": 9}}
    problem = {"name": "pair", "pairs": pairs, "loss": "squared", "dimension": 5}
    for options in ({}, {"weight_decay": 0.1}, {"max_norm": 0.2}, {}):
        agree(problem, {"name": "sgd", "lr": 0.1, **options}, (70, 200), seed=4)
