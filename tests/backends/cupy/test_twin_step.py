"""The fused step of the CUDA source, compiled for the processor, has the reference's bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from freqopt.backends.cupy import Stepper, _twin, catch_up, step
from freqopt.crosscheck import cases
from freqopt.errors import BackendError, BatchError, GradientError, RowError
from freqopt.optimizers import rules

from .twins import RULES, OwnRule, assert_same, has_gpu, needs_compiler

pytestmark = needs_compiler


def chosen(name, dtype):
    """Two cases of a rule: other numbers than the default ones, and bounds on rows."""
    kinds = ("defaults, other numbers", "defaults, limits")
    found = {case.name: case for case in cases(name, dtype)}
    return [found[f"{kind}, main"] for kind in kinds]


def many_occurrences(options):
    """53 occurrences of one row among others: more than are asked for at once, and a rest."""
    case = cases("adagrad", np.float32)[0]
    rng = np.random.default_rng(1)
    rows = rng.permutation(np.repeat([0, 1, 2], [53, 16, 3]))
    grads = rng.normal(size=(72, 4)) * 10.0 ** rng.integers(-3, 4, (72, 1))
    exercise = replace(case.exercise, batches=[(rows, grads.astype(np.float32))] * 2)
    assert_same(replace(case, rule=rules["adagrad"](lr=0.1, **options), exercise=exercise), lanes=1)


@pytest.mark.parametrize("name", RULES)
def test_step_has_the_references_bits(name):
    for case in chosen(name, np.float32):
        assert_same(case, lanes=1)


@pytest.mark.parametrize("name", ["lazy_adam", "rowwise_adagrad"])
def test_lanes_that_are_threads_give_the_same_bits(name):
    for case in chosen(name, np.float32):
        assert_same(case, lanes=4)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RULES)
def test_every_case_has_the_references_bits(name, dtype):
    for k, case in enumerate(cases(name, dtype)):
        assert_same(case, lanes=(1, 4)[k % 2])


@pytest.mark.parametrize("duplicates", ["sequential", "sum"])
def test_clipping_a_whole_batch_folds_over_its_rows(duplicates):
    rule = rules["sgd"](clip=0.5, clip_scope="batch", duplicates=duplicates, rows="nonzero")
    case = next(c for c in cases("sgd", np.float32) if c.name.endswith("main"))
    assert_same(type(case)("clipped", rule, case.exercise), lanes=1)


MANY = [{}, {"duplicates": "squares"}, {"clip": 1.0, "clip_scope": "occurrence", "maximize": True}]


@pytest.mark.parametrize("options", MANY, ids=["sum", "squares", "clipped"])
def test_the_occurrences_of_a_frequent_row_are_added_in_order(options):
    many_occurrences(options)


def test_settling_brings_lazy_rows_up_to_the_present():
    rule = rules["catchup_adam"](lr=0.1)
    case = cases("catchup_adam", np.float32)[0]
    table, other = case.exercise.table.copy(), case.exercise.table.copy()
    state, kept = rule.init(table), rule.init(other)
    twin = Stepper(rule, table.dtype, 4, _twin, 1)
    for rows, grads in case.exercise.batches[:8]:
        twin(table, state, rows, grads)
        rule.step(other, kept, rows, grads)
    twin.catch_up(table, state, np.array([0, 4]))
    rule.catch_up(other, kept, np.array([0, 4]))
    np.testing.assert_array_equal(table, other)
    twin.catch_up(table, state)
    rule.catch_up(other, kept)
    np.testing.assert_array_equal(table, other)
    assert all((state[name] == kept[name]).all() for name in kept)


class TestRefusals:
    """A batch that is refused changes nothing, and says what the reference says."""

    def setup_method(self):
        self.rule = rules["adagrad"](lr=0.1)
        self.table = np.ones((5, 4), np.float32)
        self.state = self.rule.init(self.table)
        self.twin = Stepper(self.rule, np.float32, 4, _twin, 1)

    def refused(self, rows, grads, error, message):
        with pytest.raises(error, match=message):
            self.twin(self.table, self.state, rows, grads)
        assert (self.table == 1).all()
        assert not any(values.any() for values in self.state.values())

    def test_a_row_outside_the_table(self):
        grads = np.ones((3, 4), np.float32)
        self.refused(np.array([0, 5, -1]), grads, RowError, "row 5 at occurrence 1")
        self.refused(np.array([0, -1, 7]), grads, RowError, "row -1 at occurrence 1")

    def test_a_gradient_that_is_not_finite(self):
        grads = np.ones((3, 4), np.float32)
        grads[2, 3] = np.nan
        self.refused(np.array([0, 1, 2]), grads, GradientError, "row 2 at occurrence 2")

    @pytest.mark.parametrize(
        ("rows", "grads", "message"),
        [
            (np.zeros(2, np.int32), np.zeros((2, 4), np.float32), "rows is int32"),
            (np.zeros(2, np.int64), np.zeros((2, 4)), "grads is float64"),
            (np.zeros(2, np.int64), np.zeros((3, 4), np.float32), r"grads is .*\(3, 4\)"),
            (np.zeros(2, np.int64), np.zeros((4, 2), np.float32).T, "grads is not C-contiguous"),
        ],
    )
    def test_arrays_of_the_wrong_kind(self, rows, grads, message):
        self.refused(rows, grads, BatchError, message)

    def test_a_state_of_another_table(self):
        self.state["v"] = np.zeros((4, 4), np.float32)
        with pytest.raises(BatchError, match=r"slot 'v' is float32 of shape \(4, 4\)"):
            self.twin(self.table, self.state, np.array([0]), np.ones((1, 4), np.float32))


def test_a_rule_that_has_left_its_parents_kernel_is_refused_by_name():
    with pytest.raises(BackendError, match="rule twins replaces update, and its kernel is that of"):
        Stepper(OwnRule(), np.float32, 4, _twin)


@pytest.mark.skipif(has_gpu(), reason="there is a GPU")
@pytest.mark.parametrize("call", [step, catch_up])
def test_without_a_gpu_the_message_says_what_is_missing(call):
    rule, table = rules["sgd"](), np.zeros((2, 4), np.float32)
    batch = (np.array([0]), np.zeros((1, 4), np.float32)) if call is step else ()
    with pytest.raises(BackendError, match=r"\[cuda13\]|no usable GPU|no GPU"):
        call(rule, table, rule.init(table), *batch)
