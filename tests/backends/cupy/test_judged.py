"""The cross-check judges the twin like anybody's optimizer, and names what a mistake changes."""

from __future__ import annotations

import pytest

from freqopt.backends.cupy import Stepper, _twin
from freqopt.crosscheck.chosen import chosen_cases
from freqopt.crosscheck.implementation import shown
from freqopt.crosscheck.judge import answers, judge

from .twins import needs_compiler

pytestmark = needs_compiler


def twin(rule, table, given):
    """The fused step of the twin, as an implementation."""
    state = rule.init(table, **given)
    stepper = Stepper(rule, table.dtype, table.shape[1], _twin)

    def step(rows, grads):
        stepper(table, state, rows, grads)
        return shown(rule, table, state)

    return step


def report(rule, options):
    """The judgement on one rule with some options."""
    return judge(answers(twin), chosen_cases(rule, ["float64"], options), ulps=0)


def test_the_twin_matches():
    assert report("adagrad", {"lr": 0.05}).matches


@pytest.mark.parametrize(
    ("rule", "options", "place", "named"),
    [
        (
            "adagrad",
            {"lr": 0.05, "epsilon": 0.1},
            ("rules/adagrad.cuh", "sqrt(used) + epsilon", "sqrt(used + epsilon)"),
            "epsilon_place = inside,",
        ),
        (
            "sgd",
            {"lr": 0.05, "momentum": 0.9},
            ("source/step.cuh", "total.x[v] + p.x[v] : p.x[v]", "p.x[v] : p.x[v]"),
            "duplicates = last,",
        ),
    ],
)
def test_a_mistake_is_named(rule, options, place, named, planted):
    planted(*place)
    found = report(rule, options)
    assert not found.matches
    assert named in str(found.fingerprint)
