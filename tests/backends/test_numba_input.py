"""What the fused step refuses, and what it takes, before and after the reference would."""

from __future__ import annotations

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
    with pytest.raises(BatchError, match="slot 'v' is missing, expected float32"):
        step(RULE, table, {"t": np.zeros((), np.int64)}, ROWS, GRADS)


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
