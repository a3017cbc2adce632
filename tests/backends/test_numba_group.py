"""Steps of several tables, rules that catch up, and buffers of critical gradients."""

from __future__ import annotations

import numpy as np
import pytest

from freqopt.backends import numba as numba_backend
from freqopt.backends.numba import Workspace
from freqopt.backends.numba.fixed_memory import _lists
from freqopt.backends.numba.fused_step import _step
from freqopt.backends.numba.fused_step._step import catch_up, step, step_group
from freqopt.backends.numpy import NumpyBackend
from freqopt.errors import BatchError, GradientError, RowError
from freqopt.optimizers import rules
from freqopt.optimizers._group import step_group as reference_group

from .compared import Pair, same, zipf_batch
from .loop.beside import compare, two

SHAPES = {"u": (50, 4), "v": (30, 4), "bias": (50, 1)}


def _group(name: str, dtype: str, **options: object) -> tuple:
    rng = np.random.default_rng(3)
    rule = rules[name](**options)
    tables = {n: rng.normal(size=shape).astype(dtype) for n, shape in SHAPES.items()}
    return rule, tables, {n: rule.init(table) for n, table in tables.items()}


def _batches(rng: np.random.Generator, dtype: str, most: int = 12) -> dict:
    sizes = {name: int(rng.integers(0, most)) for name in SHAPES}
    return {
        name: (zipf_batch(rng, rows, sizes[name]), rng.normal(size=(sizes[name], d)).astype(dtype))
        for name, (rows, d) in SHAPES.items()
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sgd_c", {"capacity": 3, "weight_decay": 0.1}),
        ("sgd_c", {"capacity": 3, "synced": False, "insertion": "before", "policy": "random"}),
        ("adagrad", {"clip": 0.5, "clip_scope": "batch"}),
    ],
)
def test_group_equals_the_reference(name: str, options: dict, dtype: str) -> None:
    rule, tables, states = _group(name, dtype, **options)
    _, expected, expected_states = _group(name, dtype, **options)
    workspace, rng = Workspace(parts=2), np.random.default_rng(0)
    for _ in range(12):
        batches = _batches(rng, dtype)
        step_group(rule, tables, states, batches, workspace)
        reference_group(rule, expected, expected_states, batches)
    for n, table in tables.items():
        assert same(table, expected[n])
        assert all(same(states[n][slot], values) for slot, values in expected_states[n].items())


def test_a_shared_norm_is_not_the_own_one() -> None:
    priorities = []
    for synced in (True, False):
        rule, tables, states = _group("sgd_c", "float64", synced=synced)
        step_group(rule, tables, states, _batches(np.random.default_rng(1), "float64"))
        priorities.append([states[n]["priorities"][0] for n in SHAPES])
    together, alone = priorities
    assert len(set(together)) == 1
    assert len(set(alone)) == 3


@pytest.mark.parametrize("last", [(RowError, 99, 1.0), (GradientError, 0, np.nan)])
def test_a_bad_table_of_a_group_stops_all(last: tuple) -> None:
    error, row, value = last
    rule, tables, states = _group("adagrad", "float64")
    before = {n: table.copy() for n, table in tables.items()}
    batches = _batches(np.random.default_rng(1), "float64")
    batches["bias"] = (np.array([row]), np.array([[value]]))
    with pytest.raises(error):
        step_group(rule, tables, states, batches)
    del batches["bias"]
    with pytest.raises(BatchError, match="batches are given for"):
        step_group(rule, tables, states, batches)
    assert all(same(tables[n], before[n]) and states[n]["t"] == 0 for n in SHAPES)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "options", [{}, {"weight_decay": 0.1, "decay": "decoupled"}, {"statistic": "row_mean"}]
)
def test_rows_that_caught_up_are_those_of_dense_adam(options: dict, dtype: str) -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(20, 3)).astype(dtype)
    pair, dense = Pair(rules["catchup_adam"](**options), start, Workspace(parts=2)), start.copy()
    adam = rules["adam"](**options)
    state = adam.init(dense)
    for k in range(40):
        rows, grads = rng.integers(0, 15, 4), rng.normal(size=(4, 3)).astype(dtype)
        pair.step(rows, grads)
        adam.step(dense, state, rows, grads)
        chosen = None if k % 10 == 9 else rng.integers(0, 20, 3)
        pair.rule.catch_up(pair.expected, pair.expected_state, chosen)
        catch_up(pair.rule, pair.found, pair.found_state, chosen, pair.workspace)
        pair.check()
    assert same(pair.found, dense)
    with pytest.raises(RowError):
        catch_up(pair.rule, pair.found, pair.found_state, np.array([20]))


def test_a_run_catches_up_by_a_kernel(monkeypatch) -> None:
    compiled = []
    monkeypatch.setattr(numba_backend, "MUCH", 100)
    monkeypatch.setattr(
        _step,
        "catch_up",
        lambda rule, *given: compiled.append(1) or catch_up(rule, *given),
    )
    token = {"kind": "zipf", "exponent": 1.1, "size": 30}
    problem = {"name": "token_quadratic", "tokens": token, "dimension": 3}
    found, expected = two(problem, {"name": "catchup_adam"}, steps=300)
    engines = numba_backend.NumbaBackend(patience=0), NumpyBackend()
    for stop in (50, 300):
        for engine, simulation in zip(engines, (found, expected), strict=True):
            engine.advance(simulation, stop)
            engine.catch_up(simulation)
        compare(found, expected)
        assert bool(compiled) == (stop == 300)


BUFFERS = [
    {},
    {"weight_decay": 0.1},
    {"momentum": 0.9, "max_age": 3, "kappa": 0.3, "aggregation": "median-mean"},
    {"insertion": "buffer_only", "acceptance_test": False, "policy": "bottom"},
    {"aggregation": "mean", "max_norm": 0.5, "priority_decay": 1.0},
]


@pytest.mark.parametrize("options", BUFFERS)
def test_lists_follow_a_state_that_is_changed_elsewhere(options: dict) -> None:
    rng = np.random.default_rng(0)
    rule = rules["sgd_c"](capacity=4, **options)
    pair = Pair(rule, rng.normal(size=(60, 3)), Workspace(parts=3))
    kept = None
    for k in range(30):
        rows = zipf_batch(rng, 60, int(rng.integers(0, 9)))
        grads = rng.normal(size=(rows.size, 3))
        grads[rng.random(rows.size) < 0.2] = -0.0  # nothing to see, and yet it is stored
        pair.step(rows, grads)
        if k % 7 == 3:  # the reference takes a step on the same arrays
            for table, state in [
                (pair.expected, pair.expected_state),
                (pair.found, pair.found_state),
            ]:
                rule.step(table, state, np.array([5, 59]), np.ones((2, 3)))
        if k == 10:
            kept = pair.found.copy(), {n: a.copy() for n, a in pair.found_state.items()}
        pair.check()
    # A checkpoint is loaded into the arrays.
    for table, state in [(pair.expected, pair.expected_state), (pair.found, pair.found_state)]:
        table[...] = kept[0]
        for n, values in kept[1].items():
            state[n][...] = values
    for _ in range(5):
        pair.step(zipf_batch(rng, 60, 4), rng.normal(size=(4, 3)))
        pair.check()


@pytest.mark.parametrize("aggregation", ["sum", "min", "median", "max"])
@pytest.mark.parametrize("threshold", ["slot0", "minimum"])
def test_equal_priorities(aggregation: str, threshold: str) -> None:
    """Norms are 1 or 2, so every comparison of the buffer meets ties."""
    rule = rules["sgd_c"](
        capacity=5, priority_decay=1.0, aggregation=aggregation, threshold=threshold, kappa=0.5
    )
    rng = np.random.default_rng(0)
    pair = Pair(rule, np.zeros((9, 2)), Workspace(parts=2))
    for _ in range(60):
        pair.step(rng.integers(0, 9, 1), np.array([[rng.integers(1, 3), 0.0]]))
        pair.check()
    assert pair.found_state["rejected"] > 5
    assert pair.found_state["accepted"] > 0


def test_rows_outside_the_union_are_not_visited(monkeypatch) -> None:
    """The buffer is read once, when the state is new; after that the lists tell where to look."""
    found = []
    monkeypatch.setattr(
        _lists.Lists,
        "_find",
        lambda self, state: found.append(int(state["t"])) or FIND(self, state),
    )
    rule = rules["sgd_c"](capacity=3)
    table = np.zeros((1000, 2))
    state, workspace = rule.init(table), Workspace()
    for k in range(10):
        step(rule, table, state, np.array([k, k + 1]), np.ones((2, 2)), workspace)
    assert found == [0]
    held = np.flatnonzero(state["buffer"].any(axis=(0, 2)))
    assert held.size <= 6


FIND = _lists.Lists._find
