"""The factorised table obeys the exact one-step identities MLET-1, 2, 3, 6 and 9 (derived)."""

from __future__ import annotations

import numpy as np
import pytest

from freqopt.errors import BatchError
from freqopt.optimizers import rules
from freqopt.streams import Stream
from freqopt.tables import FactorisedTable, PlainTable

SIZE, INNER, WIDTH = 50, 16, 4
E1, E2 = 0.7, 0.4
ROWS = np.array([3, 7, 7, 11, 0, 49])


def _table(**options: object) -> FactorisedTable:
    return FactorisedTable.start((SIZE, WIDTH), INNER, stream=Stream(1, 0, "test"), **options)


def _gradient() -> tuple[np.ndarray, np.ndarray]:
    grads = np.random.default_rng(2).normal(size=(ROWS.size, WIDTH))
    dense = np.zeros((SIZE, WIDTH))
    np.add.at(dense, ROWS, grads)
    return grads, dense


def _step(table: FactorisedTable, grads: np.ndarray) -> None:
    for suffix, (rows, g) in table.batches(ROWS, grads).items():
        rule = rules["sgd"](lr={".first": E1, ".second": E2}[suffix])
        parameter = table.parameters[suffix]
        rule.step(parameter, rule.init(parameter), rows, g)


def test_gradients_are_the_matrix_products() -> None:
    table, (grads, dense) = _table(), _gradient()
    sparse = table.batches(ROWS, grads)
    g1 = np.zeros((SIZE, INNER))
    np.add.at(g1, sparse[".first"][0], sparse[".first"][1])
    np.testing.assert_allclose(g1, dense @ table.second.T, atol=1e-14)
    np.testing.assert_allclose(sparse[".second"][1], table.first.T @ dense, atol=1e-14)
    np.testing.assert_allclose(  # MLET-1, the gauge identity
        table.first.T @ g1, sparse[".second"][1] @ table.second.T, atol=1e-14
    )


def test_one_step_moves_the_product_as_mlet_2_and_3_say() -> None:
    table, (grads, g) = _table(), _gradient()
    w, w1, w2 = table.collapse(), table.first.copy(), table.second.copy()
    _step(table, grads)
    exact = w - (E2 * w1 @ w1.T @ g + E1 * g @ w2.T @ w2) + E1 * E2 * g @ w.T @ g  # (6.3)
    np.testing.assert_allclose(table.collapse(), exact, atol=1e-14)
    outside = np.setdiff1d(np.arange(SIZE), ROWS)
    np.testing.assert_array_equal(table.first[outside], w1[outside])  # MLET-3 (a)
    moved = table.collapse()[outside] - w[outside]
    np.testing.assert_allclose(moved, -E2 * w1[outside] @ (w1.T @ g), atol=1e-14)  # (6.4)
    assert (abs(moved).max(axis=1) > 1e-4).all()


def test_balance_changes_by_mlet_6_exactly() -> None:
    table, (grads, dense) = _table(), _gradient()
    g1, g2 = dense @ table.second.T, table.first.T @ dense

    def balance() -> np.ndarray:
        return table.first.T @ table.first / E1 - table.second @ table.second.T / E2

    before = balance()
    _step(table, grads)
    expected = E1 * g1.T @ g1 - E2 * g2 @ g2.T
    np.testing.assert_allclose(balance() - before, expected, atol=1e-13)
    assert abs(expected).max() > 0.01


def test_collapse_equals_rows_and_product_and_does_not_depend_on_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = _table()
    np.testing.assert_array_equal(table.collapse(), table[np.arange(SIZE)])
    np.testing.assert_allclose(table.collapse(), table.first @ table.second, atol=1e-15)
    whole = table.collapse()
    monkeypatch.setattr("freqopt.tables.factorised._BLOCK", 1)
    np.testing.assert_array_equal(table.collapse(), whole)


def test_starts() -> None:
    wide = FactorisedTable.start((4000, 8), 32, stream=Stream(3, 0, "test"))
    assert abs(wide.first).max() <= 4000**-0.5
    assert wide.first.var() == pytest.approx(1 / (3 * 4000), rel=0.02)  # 128,000 draws: sd 0.3 %
    assert wide.second.std() == pytest.approx(0.25, rel=0.15)  # 256 draws: sd 4.4 %
    q = _table(initial="orthonormal").second
    np.testing.assert_allclose(q.T @ q, np.eye(WIDTH), atol=4e-16)
    assert _table(dtype=np.float32).first.dtype == np.float32


def test_balanced_start_is_balanced() -> None:
    w = np.random.default_rng(5).normal(size=(SIZE, WIDTH))
    table = FactorisedTable.balanced(w, INNER)
    np.testing.assert_allclose(table.collapse(), w, atol=1e-14)
    np.testing.assert_allclose(
        table.first.T @ table.first, table.second @ table.second.T, atol=1e-13
    )


def test_frozen_layers_stay() -> None:
    table, (grads, _) = _table(trained="first"), _gradient()
    second = table.second.copy()
    w = table.collapse()
    _step(table, grads)
    np.testing.assert_array_equal(table.second, second)
    outside = np.setdiff1d(np.arange(SIZE), ROWS)
    np.testing.assert_array_equal(table.collapse()[outside], w[outside])  # MLET-3 (e)
    assert (table.collapse()[ROWS] != w[ROWS]).any()


def test_spread_gives_the_dense_layer_frequency_one() -> None:
    p = np.linspace(0.1, 0.9, SIZE)
    spread = _table().spread(p)
    np.testing.assert_array_equal(spread[".first"], p)
    np.testing.assert_array_equal(spread[".second"], np.ones(INNER))


def test_columns_beside_the_layers_are_a_plain_table() -> None:
    beside = np.random.default_rng(6).normal(size=(SIZE, 2))
    table, alone = _table(beside=beside.copy()), _table()
    np.testing.assert_array_equal(table.collapse()[:, 2:], alone.collapse())
    np.testing.assert_array_equal(table[ROWS][:, :2], beside[ROWS])
    grads = np.random.default_rng(2).normal(size=(ROWS.size, 2 + WIDTH))
    of_layers, whole = alone.batches(ROWS, grads[:, 2:]), table.batches(ROWS, grads)
    for suffix, (rows, g) in of_layers.items():
        np.testing.assert_array_equal(whole[suffix][0], rows)
        np.testing.assert_array_equal(whole[suffix][1], g)
    np.testing.assert_array_equal(whole[".beside"][1], grads[:, :2])
    rule, parameter = rules["sgd"](lr=E1), table.parameters[".beside"]
    rule.step(parameter, rule.init(parameter), *whole[".beside"])
    moved = beside.copy()
    np.add.at(moved, ROWS, -E1 * grads[:, :2])
    np.testing.assert_allclose(table.collapse()[:, :2], moved, atol=1e-14)


def test_plain_table_is_its_array() -> None:
    w = np.arange(6.0).reshape(3, 2)
    table = PlainTable(w)
    assert table.collapse() is w
    np.testing.assert_array_equal(table[np.array([2, 0])], w[[2, 0]])
    np.testing.assert_array_equal(np.asarray(table), w)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FactorisedTable(np.ones((3, 2)), np.ones((3, 2))), "expected \\(N, k\\)"),
        (lambda: FactorisedTable(np.ones((3, 2)), np.ones((2, 2), np.float32)), "same dtype"),
        (
            lambda: FactorisedTable(np.ones((3, 2)), np.ones((2, 2)), "both", np.ones((2, 1))),
            "expected 3 rows of float64",
        ),
        (lambda: _table(initial="zeros"), "expected one of"),
        (lambda: _table(trained="none"), "expected one of"),
        (
            lambda: FactorisedTable.start(
                (5, 4), 2, stream=Stream(1, 0, "t"), initial="orthonormal"
            ),
            "k >= d",
        ),
        (lambda: FactorisedTable.start((5, 4), 0, stream=Stream(1, 0, "t")), "at least 1"),
        (lambda: FactorisedTable.balanced(np.ones((5, 4)), 2), "at least min"),
    ],
)
def test_errors(call, message) -> None:
    with pytest.raises(BatchError, match=message):
        call()
