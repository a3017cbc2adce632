"""The shortcut for one sample against several rows: the reference's bits, and its refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from freqopt.backends import Simulation
from freqopt.backends.numba import NumbaBackend
from freqopt.backends.numba.loop._star import MANY, allows_star
from freqopt.backends.numba.problems._kernel import find_problem
from freqopt.backends.numba.rule._kernel import find_kernel
from freqopt.backends.numpy import NumpyBackend
from freqopt.errors import GradientError
from freqopt.optimizers import rules
from freqopt.problems import problems

from .beside import agree, compare, two

FEW = {"kind": "product", "u": {"kind": "zipf", "size": 9}, "v": {"kind": "zipf", "size": 14}}
PROBLEM = {"name": "sgns", "pairs": FEW, "dimension": 11, "negatives": 4}
RULES: list[dict[str, Any]] = [
    {"name": "cf_sgd", "lr": 1.0, "cap": "none", "counter": "decayed", "halflife": 9.0},
    {"name": "fa_sgd", "lr": 0.1, "form": "recipe", "cap": "none", "duplicates": "mean"},
    {"name": "sgd", "lr": 0.7, "momentum": 0.9},
    {"name": "lazy_adam", "lr": 0.05},
]


def short(problem: dict[str, Any], rule: dict[str, Any]) -> bool:
    options = dict(problem)
    star = find_problem(problems[options.pop("name")](**options), np.float32).star
    options = dict(rule)
    made = rules[options.pop("name")](**options)
    return allows_star(made, find_kernel(made, np.float32)[0], star)


def test_rows_that_clash_and_rows_that_do_not() -> None:
    agree(PROBLEM, RULES[0], (90, 400), dtype="float32", seed=5)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["name"])
def test_other_rules_and_both_dtypes(rule: dict[str, Any], dtype: str) -> None:
    assert short(PROBLEM, rule)
    agree(PROBLEM, rule, (90, 400), dtype=dtype, seed=5)


def test_what_is_more_than_a_rows_entries_goes_the_long_way() -> None:
    for options in (
        {"name": "rowwise_adagrad"},  # asks for the sum of a row's squares
        {"name": "sgd", "max_norm": 1.0},
        {"name": "sgd", "weight_decay": 0.1},
        {"name": "sgd", "clip": 1.0},
        {"name": "sgd", "padding_row": 1},
        {"name": "adam"},
        {"name": "sgd_c"},
    ):
        assert not short(PROBLEM, options), options
    assert not short(PROBLEM | {"negatives": MANY}, RULES[0])


@pytest.mark.parametrize("place", ["centres", "contexts", "both"])
def test_a_gradient_that_is_not_finite_is_refused_before_it_does_harm(place: str) -> None:
    """The tables' entries are so large that a row's gradient overflows, or a score is NaN."""
    many = {"kind": "zipf", "exponent": 0.2, "size": 400}  # a clash, the other way, is rare
    problem = PROBLEM | {"pairs": {"kind": "product", "u": FEW["u"], "v": many}}
    found, expected = two(problem, RULES[0], steps=300, dtype="float32")
    for simulation in (found, expected):
        _plant(simulation, place)
    with pytest.raises(GradientError) as ours:
        NumbaBackend(patience=0).advance(found, 300)
    with pytest.raises(GradientError) as theirs:
        NumpyBackend().advance(expected, 300)
    assert str(ours.value) == str(theirs.value)
    assert 0 < found.step < 300
    compare(found, expected)


def _plant(simulation: Simulation, place: str) -> None:
    u, v = (simulation.tables[name].weights for name in ("centres", "contexts"))
    if place == "centres":
        u[7, 3] = np.inf
    elif place == "contexts":
        v[340:, 10] = np.nan
    else:  # finite, and the fold for the centre is not
        v[300:, 2] = np.float32(3e38)
