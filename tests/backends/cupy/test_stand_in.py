"""What needs a GPU, run on a stand-in of CuPy, has the reference's bits."""

from __future__ import annotations

import numpy as np
import pytest

from freqopt.backends.cupy import CupyBackend, Stepper, _gpu, settle, step
from freqopt.backends.cupy._source import step_source
from freqopt.backends.numpy import NumpyBackend
from freqopt.errors import BatchError
from freqopt.optimizers import rules

from ..loop.beside import compare
from .test_twin_loop import begin
from .test_twin_step import chosen
from .twins import needs_compiler, states_of


def on_the_gpu(cupy):
    """The fused step as a user of a GPU takes it: arrays stay there from step to step."""
    there = {}

    def take(rule, table, state, rows, grads):
        if not there:
            there["table"] = cupy.asarray(table)
            there["state"] = {k: v if k == "t" else cupy.asarray(v) for k, v in state.items()}
        step(rule, there["table"], there["state"], cupy.asarray(rows), cupy.asarray(grads))
        table[...] = cupy.asnumpy(there["table"])
        for name, values in there["state"].items():
            state[name][...] = cupy.asnumpy(values)

    return take


def by_reference(rule, table, state, rows, grads):
    rule.step(table, state, rows, grads)


@needs_compiler
@pytest.mark.parametrize("name", ["sgd", "rowwise_adagrad", "catchup_adam", "adam_c"])
def test_the_step_has_the_references_bits(name, cupy):
    for case in chosen(name, np.float32):
        ours = states_of(case.rule, case.exercise, case.given, on_the_gpu(cupy))
        theirs = states_of(case.rule, case.exercise, case.given, by_reference)
        for mine, right in zip(ours, theirs, strict=True):
            for slot, values in right.items():
                np.testing.assert_array_equal(mine[slot], values, err_msg=f"{case.name}, {slot}")
    assert {launch[0] for launch in cupy.launches} >= {"admit", "segment", "combine", "apply"}


@needs_compiler
def test_batches_clipped_as_a_whole_and_settled_rows(cupy):
    table = np.ones((7, 4), np.float32)
    rows = np.array([1, 1, 5])
    grads = np.arange(12, dtype=np.float32).reshape(3, 4)
    rule = rules["catchup_adam"](clip=0.5, clip_scope="batch", lr=0.1)
    state = rule.init(table)
    there, states = cupy.asarray(table), {k: cupy.asarray(v) for k, v in state.items() if k != "t"}
    states["t"] = np.zeros((), np.int64)
    for k in range(3):
        step(rule, there, states, cupy.asarray(rows + k % 2), cupy.asarray(grads))
        rule.step(table, state, rows + k % 2, grads)
    settle(rule, there, states)
    rule.settle(table, state)
    np.testing.assert_array_equal(cupy.asnumpy(there), table)


@needs_compiler
def test_the_loop_has_the_references_bits(cupy):
    ours, theirs = (
        begin(("pair", {"dimension": 4}), "cf_sgd", runs=3, smoothness=2.0) for _ in range(2)
    )
    backend = CupyBackend()
    assert backend.advance_together(ours, 30) == [None] * 3
    assert backend.advance_together(ours, 40) == [None] * 3
    for mine, right in zip(ours, theirs, strict=True):
        NumpyBackend().advance(right, 40)
        compare(mine, right)


@needs_compiler
def test_arrays_of_numpys_are_refused_before_anything_is_changed(cupy):
    rule, table = rules["adagrad"](), cupy.ones((3, 4), np.float32)
    state = {"t": np.zeros((), np.int64), "v": cupy.zeros((3, 4), np.float32)}
    grads = cupy.ones((1, 4), np.float32)
    with pytest.raises(BatchError, match=r"rows is a numpy\.ndarray, expected a .*ndarray"):
        step(rule, table, state, np.array([0]), grads)
    state["v"] = np.zeros((3, 4), np.float32)
    with pytest.raises(BatchError, match=r"v is a numpy\.ndarray"):
        step(rule, table, state, cupy.asarray(np.array([0])), grads)
    assert (cupy.asnumpy(table) == 1).all()


@needs_compiler
def test_subnormal_numbers_are_not_flushed_and_products_not_fused(cupy):
    Stepper(rules["sgd"](), np.float32, 4, _gpu)
    ((*options, architecture),) = cupy.options
    assert {"--ftz=false", "--fmad=false", "--prec-div=true", "--prec-sqrt=true"} <= set(options)
    assert architecture == "--gpu-architecture=sm_90"


@needs_compiler
def test_a_kernel_is_compiled_once_and_kept(cupy):
    rule = rules["sgd"]()
    for _ in range(2):
        _gpu.Module(step_source(rule, np.float32, 4))
    assert len(cupy.options) == 1
    _gpu.Module(step_source(rule, np.float64, 4))
    assert len(cupy.options) == 2
    assert not cupy.programs


@pytest.mark.parametrize(
    ("capability", "archs", "taken"), [("86", (80, 86, 90), 86), ("121", (90, 100, 120), 120)]
)
def test_the_architecture_is_one_that_the_gpu_runs(cupy, capability, archs, taken):
    cupy.capability, cupy.archs = capability, archs
    assert _gpu._architecture(cupy.cuda.nvrtc) == taken
