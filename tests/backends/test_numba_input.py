"""What the fused step refuses, and what it takes, before and after the reference would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from freqopt.backends.numba import Workspace, step
from freqopt.errors import BackendError, BatchError, GradientError, RowError
from freqopt.optimizers import rules

from .compared import Pair

RULE = rules["adagrad"]()
ROWS, GRADS = np.array([0, 2, 0]), np.ones((3, 3), np.float32)


def _refused(error: type[Exception], match: str, state: dict | None = None, **given) -> None:
    """The call fails, and has changed nothing."""
    table = np.full((4, 3), 0.5, np.float32)
    state = {**RULE.init(table), **(state or {})}
    arguments = {"table": table, "state": state, "rows": ROWS, "grads": GRADS, **given}
    with pytest.raises(error, match=match):
        step(RULE, **arguments, workspace=Workspace(parts=2))
    assert (np.asarray(arguments["table"]) == 0.5).all()
    assert int(state["t"]) == 0
    assert (np.asarray(state["v"]) == 0).all()


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ([0, 4, 1], r"row 4 at occurrence 1 is outside the table \(0 <= row < 4\)"),
        ([0, 1, -1], "row -1 at occurrence 2"),
        ([0, 2**62, 1], "row 4611686018427387904 at occurrence 1"),
    ],
)
def test_rows_outside_the_table(rows: list[int], match: str) -> None:
    _refused(RowError, match, rows=np.array(rows))


def test_unsigned_row_that_would_wrap() -> None:
    _refused(RowError, "row 18446744073709551615", rows=np.array([0, 2**64 - 1, 1], np.uint64))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("occurrence", [0, 1, 2])
def test_gradients_that_are_not_finite(value: float, occurrence: int) -> None:
    grads = GRADS.copy()
    grads[occurrence, 1] = value
    row = ROWS[occurrence]
    _refused(GradientError, f"row {row} at occurrence {occurrence} holds NaN or inf", grads=grads)


def test_shapes_and_dtypes() -> None:
    _refused(BatchError, "grads has shape", grads=np.ones((2, 3), np.float32))
    _refused(BatchError, "grads has shape", grads=np.ones((3, 2), np.float32))
    _refused(BatchError, "grads is float64 and the table float32", grads=np.ones((3, 3)))
    _refused(BatchError, "expected integers", rows=np.array([0.0, 1.0, 2.0]))
    _refused(BatchError, "expected integers", rows=ROWS[:, None])
    _refused(BatchError, "expected a NumPy array", table=[[0.5]])
    with pytest.raises(BatchError, match="expected float32 or float64"):
        step(RULE, np.ones((4, 3), np.int64), {}, ROWS, GRADS)


def test_memory_layout() -> None:
    table = np.full((4, 6), 0.5, np.float32)
    _refused(BatchError, r"the table is not C-contiguous \(strides", table=table[:, ::2])
    _refused(BatchError, "not C-contiguous", table=np.asfortranarray(table[:, :3]))
    frozen = np.full((4, 3), 0.5, np.float32)
    frozen.flags.writeable = False
    _refused(BatchError, "the table is read-only", table=frozen)
    transposed = np.zeros((3, 4), np.float32).T
    _refused(BatchError, "state slot 'v' is not C-contiguous", state={"v": transposed})
    kept = np.zeros((4, 3), np.float32)
    kept.flags.writeable = False
    _refused(BatchError, "state slot 'v' is read-only", state={"v": kept})


def test_state_of_another_table() -> None:
    other = np.zeros((5, 3), np.float32)
    _refused(BatchError, r"slot 'v' is float32 of shape \(5, 3\), expected", state={"v": other})
    wide = np.zeros((4, 3))
    _refused(BatchError, "slot 'v' is float64 of shape", state={"v": wide})
    table = np.ones((4, 3), np.float32)
    with pytest.raises(BatchError, match="slot 'v' is no array, expected float32"):
        step(RULE, table, {"t": np.zeros((), np.int64)}, ROWS, GRADS)


def test_a_count_of_batches_that_cannot_be_kept_up() -> None:
    _refused(BatchError, "slot 't' is no array, expected int64", state={"t": 0})
    _refused(BatchError, "slot 't' is no array, expected int64", state={"t": np.int64(0)})
    frozen = np.zeros((), np.int64)
    frozen.flags.writeable = False
    _refused(BatchError, "slot 't' is read-only", state={"t": frozen})


def test_workspace_without_threads() -> None:
    with pytest.raises(BackendError, match="at least one of each"):
        Workspace(threads=0)
    with pytest.raises(BackendError, match="at least one of each"):
        Workspace(parts=-1)


def test_what_is_converted_and_what_overlaps() -> None:
    start = np.arange(12, dtype=np.float64).reshape(4, 3)
    wide = np.linspace(0, 1, 18).reshape(3, 6)
    frozen_rows, frozen_grads = ROWS.copy(), np.ones((3, 3))
    frozen_rows.flags.writeable = frozen_grads.flags.writeable = False
    for rows, grads in [
        (ROWS.astype(np.int32), np.ones((3, 3))),
        (ROWS.astype(np.uint64), np.ones((3, 3))),
        (ROWS[::-1], wide[:, ::2]),
        (frozen_rows, frozen_grads),
        (np.zeros(0), np.zeros((0, 3))),
    ]:
        pair = Pair(RULE, start, Workspace(parts=2))
        pair.step(rows, grads)
        pair.check()
    # A gradient that is part of the table: every row moves by the old values.
    pair = Pair(rules["sgd"](lr=0.1), start, Workspace(parts=1))
    pair.rule.step(pair.expected, pair.expected_state, np.array([1, 0]), start[:2].copy())
    step(pair.rule, pair.found, pair.found_state, np.array([1, 0]), pair.found[:2])
    pair.check()


@pytest.mark.parametrize("name", ["sgd", "catchup_adam", "sgd_c", "adam_c"])
@pytest.mark.parametrize(
    ("rows", "grads", "error"),
    [
        ([0, 4], [[1, 1], [1, 1]], RowError),
        ([-1, 0], [[1, 1], [1, 1]], RowError),
        ([2, 0], [[1, 1], [np.nan, 1]], GradientError),
        ([2, 0], [[1, 1]], BatchError),
    ],
)
def test_a_refused_batch_changes_no_slot_of_any_rule(
    name: str, rows: list, grads: list, error: type[Exception]
) -> None:
    pair = Pair(rules[name](), np.ones((4, 2)), Workspace(parts=2))
    pair.step(np.array([1, 2, 1]), np.ones((3, 2)))
    with pytest.raises(error):
        step(pair.rule, pair.found, pair.found_state, np.array(rows), np.array(grads, float))
    pair.check()
    pair.step(np.array([3]), np.ones((1, 2)))
    pair.check()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("policy", ["skip", "propagate"])
@pytest.mark.parametrize("name", ["adagrad", "sgd_c"])
def test_policies_for_what_is_not_finite(name: str, policy: str, value: float) -> None:
    rule = rules[name](nonfinite=policy)
    for parts in (1, 3):
        pair = Pair(rule, np.ones((6, 2)), Workspace(parts=parts))
        for _ in range(3):
            pair.step(
                np.array([1, 4, 1, 2]), np.array([[1, 1], [value, 2], [3, 3], [value, value]])
            )
            pair.check()
        assert np.isfinite(pair.found).all() == (policy == "skip")


@pytest.mark.parametrize("name", ["adagrad", "sgd_c"])
def test_a_file_that_is_read_only(name: str, tmp_path: Path) -> None:
    np.ones((4, 2)).tofile(tmp_path / "table")
    table = np.memmap(tmp_path / "table", np.float64, "r", shape=(4, 2))
    rule = rules[name]()
    state = rule.init(np.ones((4, 2)))
    with pytest.raises(BatchError, match="the table is read-only"):
        step(rule, table, state, np.array([0]), np.ones((1, 2)))
    for slot, array in state.items():
        if slot == "t":
            continue
        array.tofile(tmp_path / slot)
        frozen = np.memmap(tmp_path / slot, array.dtype, "r", shape=array.shape or (1,))
        given = {**state, slot: frozen.reshape(array.shape)}
        with pytest.raises(BatchError, match=f"state slot '{slot}' is read-only"):
            step(rule, np.ones((4, 2)), given, np.array([0]), np.ones((1, 2)))
    assert int(state["t"]) == 0


def test_rows_beyond_32_bits(tmp_path: Path) -> None:
    """A sparse file of 9 GB, of which a few pages exist."""
    size = 2**31 + 10**6
    places = np.array([0, 2**31 - 1, 2**31, 2**31 + 5, size - 1])
    rule, rng = rules["cf_sgd"](form="anytime", cap="none"), np.random.default_rng(0)
    pair = Pair(rule, np.zeros((places.size, 1), np.float32), Workspace())
    table = np.memmap(tmp_path / "table", np.float32, "w+", shape=(size, 1))
    (slot,) = (slot for slot in rule.all_slots() if slot.per == "row")
    counts = np.memmap(tmp_path / "count", slot.dtype, "w+", shape=(size,))
    state = {"t": np.zeros((), np.int64), slot.name: counts}
    for _ in range(4):
        rows = rng.integers(0, places.size, 9)
        grads = rng.normal(size=(9, 1)).astype(np.float32)
        pair.step(rows, grads)
        step(rule, table, state, places[rows], grads, Workspace(parts=2))
    assert table[places].tobytes() == pair.expected.tobytes()
    assert (counts[places] == pair.expected_state[slot.name]).all()
    with pytest.raises(RowError, match=f"row {size} at"):
        step(rule, table, state, np.array([size]), np.ones((1, 1), np.float32))


def test_table_in_a_file(tmp_path) -> None:
    table = np.memmap(tmp_path / "table", np.float32, "w+", shape=(1000, 3))
    state = RULE.init(table)
    state["v"] = np.memmap(tmp_path / "v", np.float32, "w+", shape=(1000, 3))
    pair = Pair(RULE, np.zeros((1000, 3), np.float32), Workspace())
    rng = np.random.default_rng(0)
    for _ in range(5):
        rows, grads = rng.integers(0, 1000, 50), rng.normal(size=(50, 3)).astype(np.float32)
        pair.step(rows, grads)
        step(RULE, table, state, rows, grads)
    table.flush()
    stored = np.fromfile(tmp_path / "table", np.float32).reshape(1000, 3)
    assert stored.tobytes() == pair.expected.tobytes()
    assert state["v"].tobytes() == pair.expected_state["v"].tobytes()
