"""What `freqopt explain` says that a value changes is what it changes."""

from __future__ import annotations

import numpy as np
import pytest

from freqopt.crosscheck import Case, exercises, reference, trace
from freqopt.crosscheck.cases.effects import effects
from freqopt.crosscheck.diagnosis.option_sets import axes
from freqopt.optimizers import rules


def found(name):
    return {(effect.axis, effect.value): effect for effect in effects(rules[name])}


@pytest.mark.parametrize("name", list(rules))
def test_every_value_is_listed_once_and_one_of_each_axis_is_the_default(name):
    listed = found(name)
    assert list(listed) == [(axis, value) for axis, values in axes(rules[name]) for value in values]
    defaults = [axis for (axis, _), effect in listed.items() if effect.is_default]
    assert defaults == [axis for axis, _ in axes(rules[name])]


def test_going_up_parts_from_going_down_by_twice_the_move():
    effect = found("sgd")["maximize", True]
    assert (effect.size, effect.step, effect.beside) == (2.0, 1, "")


def test_the_difference_and_its_step_are_those_of_the_traces():
    kind, exercise = rules["adagrad"], exercises(np.float64)["main"]
    plain, other = (
        trace(reference, Case("", kind(**options), exercise))
        for options in ({}, {"epsilon_place": "inside"})
    )
    effect = found("adagrad")["epsilon_place", "inside"]
    assert effect.size == np.abs(plain - other).max() / np.abs(plain - plain[0]).max()
    assert effect.step == 1
    later = found("rowwise_adagrad")["rows", "nonzero"]
    assert later.step == 7  # the first batch with a row whose gradient is zero


def test_a_value_acts_beside_what_it_needs():
    listed = found("lazy_adam")
    assert listed["decay_rows", "lazy"].beside.startswith("decay = decoupled, rows = touched")
    assert listed["clip_scope", "batch"].beside == "clip = 2.0"
    assert listed["clip_scope", "batch"].step > 0
    decayed = found("cf_sgd")["counter", "decayed"]
    assert "halflife = 3.0" in decayed.beside
    assert decayed.step > 0


def test_what_changes_nothing_says_so():
    effect = found("sgd")["nonfinite", "skip"]
    assert (effect.size, effect.step) == (0.0, 0)
    assert effect.words == ("skip", "-", "none here", "-")


def test_users_are_the_dialects_with_that_value():
    listed = found("adagrad")
    assert listed["epsilon_place", "inside_guarded"].users == ("optax.adagrad",)
    assert listed["epsilon_place", "outside"].words == ("outside (default)", "the others", "-", "-")
    assert "torch.Adagrad" in listed["epsilon_place", "outside"].users
