"""What runs on a GPU has the reference's bits: on a real one if there is one, else on a stand-in.

On a machine with a GPU, `pytest -m "slow or not slow" tests/backends/cupy/test_on_gpu.py` is the
conformance suite: every rule in every case, every problem in every form.
"""

from __future__ import annotations

import numpy as np
import pytest

from freqopt.backends.cupy import CupyBackend, catch_up, step
from freqopt.backends.numpy import NumpyBackend
from freqopt.crosscheck import cases
from freqopt.optimizers import rules

from ..loop.beside import compare
from .test_twin_loop import FORMS, STEPS, begin
from .test_twin_step import chosen
from .twins import PROBLEMS, RULES, assert_reference, needs_compiler

pytestmark = needs_compiler


def on_the_gpu(gpu):
    """The fused step as a user of a GPU takes it: arrays stay there from step to step."""
    there = {}

    def take(rule, table, state, rows, grads):
        if not there:
            there["table"] = gpu.asarray(table)
            there["state"] = {k: v if k == "t" else gpu.asarray(v) for k, v in state.items()}
        step(rule, there["table"], there["state"], gpu.asarray(rows), gpu.asarray(grads))
        table[...] = gpu.asnumpy(there["table"])
        for name, values in there["state"].items():
            state[name][...] = gpu.asnumpy(values)

    return take


@pytest.mark.parametrize("name", ["sgd", "rowwise_adagrad", "catchup_adam", "adam_c"])
def test_the_step(name, gpu):
    for case in chosen(name, np.float32):
        assert_reference(case, on_the_gpu(gpu))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RULES)
def test_the_step_in_every_case(name, dtype, gpu):
    for case in cases(name, dtype):
        assert_reference(case, on_the_gpu(gpu))


def both(gpu, rule, table, batches):
    """The table after some batches, by the reference and on the GPU."""
    state = rule.init(table)
    there, states = gpu.asarray(table), {k: gpu.asarray(v) for k, v in state.items() if k != "t"}
    states["t"] = state["t"].copy()
    for rows, grads in batches:
        step(rule, there, states, gpu.asarray(rows), gpu.asarray(grads))
        rule.step(table, state, rows, grads)
    catch_up(rule, there, states)
    rule.catch_up(table, state)
    return table, gpu.asnumpy(there)


def test_batches_clipped_as_a_whole_and_settled_rows(gpu):
    rows, grads = np.array([1, 1, 5]), np.arange(12, dtype=np.float32).reshape(3, 4)
    rule = rules["catchup_adam"](clip=0.5, clip_scope="batch", lr=0.1)
    right, ours = both(gpu, rule, np.ones((7, 4), np.float32), [(rows, grads), (rows + 1, grads)])
    np.testing.assert_array_equal(ours, right)


def test_subnormal_numbers_stay(gpu):
    table = np.full((3, 4), 3e-42, np.float32)
    grads = np.full((1, 4), 1e-42, np.float32)
    right, ours = both(gpu, rules["sgd"](lr=0.5), table, [(np.array([1]), grads)])
    assert 0 < right[1, 0] < 3e-42
    np.testing.assert_array_equal(ours, right)


@pytest.mark.parametrize("name", ["adagrad", "lazy_adam"])
def test_a_batch_of_many_rows(name, gpu):
    rng = np.random.default_rng(0)
    batches = [
        ((rng.pareto(1.0, 6000) * 3).astype(np.int64) % 2000, rng.normal(size=(6000, 4)))
        for _ in range(3)
    ]
    rule = rules[name](lr=0.1, duplicates="mean")
    right, ours = both(gpu, rule, rng.normal(size=(2000, 4)), batches)
    np.testing.assert_array_equal(ours, right)


def same_loops(problem, rule, **options):
    """Runs side by side, looked at once on the way."""
    ours, theirs = begin(problem, rule, **options), begin(problem, rule, **options)
    backend = CupyBackend()
    backend.advance_together(ours, STEPS // 2)
    backend.advance_together(ours, STEPS)
    NumpyBackend().advance_together(theirs, STEPS)
    for mine, right in zip(ours, theirs, strict=True):
        compare(mine, right)


def test_the_loop(gpu):
    same_loops(("pair", {"dimension": 4}), "cf_sgd", runs=3, smoothness=2.0, movement=True)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_loop_of_every_problem_and_rule(name, rule, gpu):
    options = {"smoothness": 2.0} if rule in ("cf_sgd", "fa_sgd") else {}
    for form in FORMS[name]:
        for dtype, batch in (("float32", 1), ("float64", 7)):
            same_loops((name, form), rule, dtype=dtype, batch=batch, runs=5, **options)
