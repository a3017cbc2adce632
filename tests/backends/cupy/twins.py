"""The CUDA kernels on the processor, as implementations that the cross-check judges."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from freqopt.backends.cupy import Stepper, _gpu, _twin
from freqopt.backends.cupy._source import HERE
from freqopt.errors import BackendError
from freqopt.optimizers import rules

RULES = list(rules)
PROBLEMS = sorted(path.stem for path in (HERE / "problems").glob("*.cuh"))

RATINGS = {"path": "", "format": "movielens_1m"}
"""A file of ratings, which conftest.py writes."""

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="no C++ compiler for the twin"
)


def has_gpu():
    """Whether there is a GPU that the backend can use."""
    try:
        return _gpu.xp is not None
    except BackendError:
        return False


class OwnRule(rules["sgd"]):
    """A rule that has left its parent's kernel."""

    def update(self, w, g, s):
        return super().update(w, g, s)


def states_of(rule, exercise, given, step):
    """The table and the whole state after every batch of an exercise."""
    table, seen = exercise.table.copy(), []
    state = rule.init(table, **given)
    for rows, grads in exercise.batches:
        step(rule, table, state, rows, grads)
        seen.append({"table": table.copy(), **{k: v.copy() for k, v in state.items()}})
    return seen


def reference(rule, table, state, rows, grads):
    """Rule.step."""
    rule.step(table, state, rows, grads)


def twin(lanes):
    """The step of the twin with so many threads to a row."""

    def step(rule, table, state, rows, grads):
        Stepper(rule, table.dtype, table.shape[1], _twin, lanes)(table, state, rows, grads)

    return step


def assert_same(case, lanes):
    """Table and state of the twin are the reference's after every step, bit for bit."""
    assert_reference(case, twin(lanes))


def assert_reference(case, step):
    """Table and state are the reference's after every step, bit for bit."""
    ours = states_of(case.rule, case.exercise, case.given, step)
    theirs = states_of(case.rule, case.exercise, case.given, reference)
    for t, (mine, right) in enumerate(zip(ours, theirs, strict=True), start=1):
        for name, values in right.items():
            where = f"{case.name}, step {t}, {name}"
            np.testing.assert_array_equal(mine[name], values, err_msg=where)
