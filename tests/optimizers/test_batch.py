"""A batch on its way into a rule: what is refused, and what each axis makes of duplicates."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from freqopt.errors import BatchError, GradientError, RowError, RuleError
from freqopt.optimizers import rules

SGD, ADAGRAD = rules["sgd"], rules["adagrad"]


def _after(rule, rows, grads, start=None) -> np.ndarray:
    grads = np.array(grads, float).reshape(len(rows), -1)
    table = np.zeros((4, grads.shape[1])) if start is None else start
    rule.step(table, rule.init(table), np.array(rows), grads)
    return table


def test_duplicates_published_facts() -> None:
    # AdaGrad, one row with gradients [1, 1], rate 1.
    def moved(duplicates: str) -> float:
        rule = ADAGRAD(lr=1, epsilon=0, duplicates=duplicates)
        return -_after(rule, [2, 2], [1, 1])[2, 0]

    assert moved("sum") == 1
    assert moved("sequential") == 1 + 1 / np.sqrt(2)
    assert moved("squares") == 2 / np.sqrt(2)


@pytest.mark.parametrize(
    ("how", "move"),
    [("sum", 7), ("mean", 7 / 3), ("sqrt_count", 7 / np.sqrt(3)), ("last", 4), ("first", 1)],
)
def test_duplicates(how: str, move: float) -> None:
    table = _after(SGD(lr=1, duplicates=how), [1, 3, 1, 1], [1, 9, 2, 4])
    assert table[:, 0].tolist() == [0, -move, 0, -9]


def test_sums_run_in_occurrence_order_from_the_first() -> None:
    # (1e16 + 1) - 1e16 is 0 in float64, any other order gives 1; and -0.0 stays -0.0.
    table = _after(SGD(lr=1), [0, 0, 0], [1e16, 1, -1e16])
    assert table[0, 0] == 0
    start = np.array([[0.0]])
    _after(SGD(lr=1), [0], [0.0], start)
    assert not np.signbit(start[0, 0])


def test_rows_axis() -> None:
    momentum = {"lr": 1.0, "momentum": 0.5}
    batches = [([0, 1, 1], [1, 1, -1]), ([2], [1])]

    def run(rows: str) -> list[float]:
        rule = SGD(**momentum, rows=rows)
        table = np.zeros((3, 1))
        state = rule.init(table)
        for ids, g in batches:
            rule.step(table, state, np.array(ids), np.array(g, float)[:, None])
        return table[:, 0].tolist()

    assert run("touched") == [-1, 0, -1]
    assert run("all") == [-1.5, 0, -1]


def test_weight_decay_kinds() -> None:
    start = np.full((4, 1), 2.0)
    l2 = _after(SGD(lr=0.5, weight_decay=0.1), [0], [1], start.copy())
    assert l2[:, 0].tolist() == [2 - 0.5 * (1 + 0.1 * 2), 2, 2, 2]
    decoupled = {"lr": 0.5, "weight_decay": 0.1, "decay": "decoupled"}
    updated = _after(SGD(**decoupled), [0], [1], start.copy())
    assert updated[:, 0].tolist() == [2 * 0.95 - 0.5, 2, 2, 2]
    everywhere = _after(SGD(**decoupled, decay_rows="all"), [0], [1], start.copy())
    assert everywhere[:, 0].tolist() == [2 * 0.95 - 0.5, 1.9, 1.9, 1.9]


def test_lazy_decay_catches_up_and_settles() -> None:
    rule = SGD(lr=0.5, weight_decay=0.1, decay="decoupled", decay_rows="lazy")
    dense = SGD(lr=0.5, weight_decay=0.1, decay="decoupled", decay_rows="all")
    a, b = np.full((3, 1), 2.0), np.full((3, 1), 2.0)
    state, other = rule.init(a), dense.init(b)
    for rows in ([0], [1], [1], [0]):
        for r, t, s in ((rule, a, state), (dense, b, other)):
            r.step(t, s, np.array(rows), np.zeros((1, 1)))
    assert a[2, 0] == 2.0
    rule.catch_up(a, state)
    np.testing.assert_allclose(a, b, rtol=1e-15)  # 0.95^4 by squaring against one by one


def test_clipping_scopes() -> None:
    grads = [[3, 4], [3, 4]]
    by_occurrence = _after(SGD(lr=1, clip=1, clip_scope="occurrence"), [0, 0], grads)
    np.testing.assert_allclose(by_occurrence[0], [-1.2, -1.6], rtol=1e-15)
    by_row = _after(SGD(lr=1, clip=1, clip_scope="row"), [0, 0], grads)
    np.testing.assert_allclose(by_row[0], [-0.6, -0.8], rtol=1e-15)
    whole = _after(SGD(lr=1, clip=1, clip_scope="batch"), [0, 1], grads)
    np.testing.assert_allclose((whole**2).sum(), 1, rtol=1e-15)


def test_max_norm_rescales_updated_rows_only() -> None:
    table = _after(SGD(lr=1, max_norm=1), [0], [[-3, -4]], np.full((4, 2), 5.0))
    np.testing.assert_allclose((table[0] ** 2).sum(), 1, rtol=1e-15)
    assert (table[1:] == 5).all()


def test_padding_and_nonfinite_policies() -> None:
    padded = _after(SGD(lr=1, padding_row=2), [2, 1], [1, 1])
    assert padded[:, 0].tolist() == [0, -1, 0, 0]
    skipped = _after(SGD(lr=1, nonfinite="skip"), [0, 0, 1], [np.nan, 2, np.inf])
    assert skipped[:, 0].tolist() == [-2, 0, 0, 0]
    passed = _after(SGD(lr=1, nonfinite="propagate"), [0, 0], [np.nan, 2])
    assert np.isnan(passed[0, 0])


def test_empty_batches_count_unless_told_otherwise() -> None:
    empty = (np.zeros(0, np.int64), np.zeros((0, 1)))
    for count, t in ((True, 1), (False, 0)):
        rule = SGD(count_empty=count)
        table = np.ones((2, 1))
        state = rule.init(table)
        rule.step(table, state, *empty)
        assert int(state["t"]) == t
        assert (table == 1).all()


@pytest.mark.parametrize(
    ("rows", "grads", "error", "message"),
    [
        ([0, 4], np.ones((2, 2)), RowError, r"row 4 at occurrence 1 .*0 <= row < 4"),
        ([-1], np.ones((1, 2)), RowError, "row -1"),
        (np.array([2**63 + 5], np.uint64), np.ones((1, 2)), RowError, str(2**63 + 5)),
        ([0.5], np.ones((1, 2)), BatchError, "expected integers"),
        ([[0]], np.ones((1, 2)), BatchError, "shape"),
        ([0, 1], [[1.0], [1.0, 2.0]], BatchError, r"ragged: .* gradients of shape \(B, 2\)"),
        ([[0], [1, 2]], np.ones((3, 2)), BatchError, "ragged"),
        ([0], np.ones((2, 2)), BatchError, r"expected \(1, 2\)"),
        ([0], np.ones((1, 3)), BatchError, r"expected \(1, 2\)"),
        ([0], np.ones((1, 2), np.float32), BatchError, "same dtype"),
        ([0], [[1, np.nan]], GradientError, "row 0 at occurrence 0"),
        ([1, 3], [[1, 1], [np.inf, 0]], GradientError, "row 3 at occurrence 1"),
    ],
)
def test_bad_batches_are_refused_before_anything_changes(rows, grads, error, message) -> None:
    table = np.ones((4, 2))
    for rule in (SGD(momentum=0.5), rules["adagrad"]()):
        state = rule.init(table)
        kept = {k: v.copy() for k, v in state.items()}
        with pytest.raises(error, match=message):
            rule.step(table, state, rows, grads)
        assert (table == 1).all()
        for key, value in kept.items():
            np.testing.assert_array_equal(state[key], value)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.ones(3), r"shape \(N, d\)"),
        ([[1.0]], "list"),
        (np.ones((2, 2), int), "float32 or float64"),
        (np.ones((0, 2)), "at least one row"),
    ],
)
def test_bad_tables(table, message) -> None:
    with pytest.raises(BatchError, match=message):
        SGD().init(table)


def test_read_only_table() -> None:
    table = np.ones((2, 2))
    table.flags.writeable = False
    with pytest.raises(BatchError, match="read-only"):
        SGD().init(table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0}, "greater than 0"),
        ({"lr": float("nan")}, "finite number"),
        ({"lr": "fast"}, "valid number"),
        ({"lr": "0.1"}, "valid number"),
        ({"lr": True}, "valid number"),
        ({"maximize": 1}, "valid boolean"),
        ({"padding_row": True}, "valid integer"),
        ({"momentum": 1.0}, "less than 1"),
        ({"momentom": 0.9}, "did you mean 'momentum'"),
        ({"rows": "some"}, "'touched', 'nonzero' or 'all'"),
        ({"rows": "all", "duplicates": "sequential"}, "has no meaning with rows = 'all'"),
        ({"duplicates": "squares", "weight_decay": 0.1}, "choose decay = 'decoupled'"),
        ({"decay_rows": "all", "weight_decay": 0.1}, "applies to decay = 'decoupled'"),
        ({"nesterov": True}, "give momentum > 0"),
    ],
)
def test_bad_options(options, message) -> None:
    with pytest.raises(RuleError, match=message):
        SGD(**options)


def test_unknown_rule_and_bad_rule_files(tmp_path) -> None:
    with pytest.raises(RuleError, match="did you mean 'adagrad'"):
        rules["adagard"]
    with pytest.raises(RuleError, match="does not exist"):
        rules[str(tmp_path / "missing.py")]
    empty = tmp_path / "empty.py"
    empty.write_text("x = 1\n")
    with pytest.raises(RuleError, match="defines 0 subclasses of Rule"):
        rules[str(empty)]
    for text in ("def (", "import no_such_package_at_all", "1 / 0"):
        empty.write_text(text)
        with pytest.raises(RuleError, match=r"empty\.py cannot be imported: .*Error: "):
            rules[str(empty)]


def test_a_rule_file_hides_no_module_of_its_name(tmp_path) -> None:
    (tmp_path / "json.py").write_text(
        "from freqopt.optimizers.sgd import SGD\n\n\nclass Own(SGD):\n    pass\n"
    )
    assert rules[str(tmp_path / "json.py")].name() == "json"
    assert sys.modules["json"] is json


def test_numbers_of_numpy_are_numbers() -> None:
    assert SGD(lr=np.float32(0.5), padding_row=np.int64(3)) == SGD(lr=0.5, padding_row=3)
    assert SGD(lr=np.array(2), maximize=np.True_) == SGD(lr=2, maximize=True)


def test_state_resumes_bit_for_bit(tmp_path) -> None:
    rng = np.random.default_rng(3)
    rule = rules["cf_sgd"](form="anytime", cap="none", counter="decayed", halflife=3)
    batches = [(rng.integers(0, 4, 5), rng.normal(size=(5, 2))) for _ in range(6)]
    whole, parts = np.ones((4, 2)), np.ones((4, 2))
    state = rule.init(whole)
    for rows, grads in batches:
        rule.step(whole, state, rows, grads)
    half = rule.init(parts)
    for rows, grads in batches[:3]:
        rule.step(parts, half, rows, grads)
    np.savez(tmp_path / "state.npz", **half)
    with np.load(tmp_path / "state.npz") as stored:
        resumed = {k: stored[k].copy() for k in stored.files}
    for rows, grads in batches[3:]:
        rule.step(parts, resumed, rows, grads)
    np.testing.assert_array_equal(whole, parts)


def test_a_zero_occurrence_is_no_first_visit() -> None:
    # Row 0 comes with gradient 0, then 1: with rows = "nonzero" the second is its first visit.
    rule = rules["cf_sgd"](
        rows="nonzero", duplicates="sequential", form="anytime", cap="none", lr=1
    )
    for step in (rule.step, rule.slow_step):
        table = np.zeros((2, 1))
        state = rule.init(table)
        step(table, state, np.array([0, 1, 0]), np.array([[0.0], [1.0], [1.0]]))
        assert state["c"].tolist() == [1, 1]
        assert table.ravel().tolist() == [-1, -1]


def test_a_changed_copy_has_slots_of_its_own() -> None:
    plain = rules["sgd"](lr=0.1)
    assert [slot.name for slot in plain.all_slots()] == ["t"]
    heavy = plain.model_copy(update={"momentum": 0.9})
    assert heavy.all_slots() == rules["sgd"](lr=0.1, momentum=0.9).all_slots()


def test_bytes_per_row() -> None:
    assert SGD().bytes_per_row(64) == 0
    assert rules["cf_sgd"]().bytes_per_row(64) == 8
    assert ADAGRAD().bytes_per_row(64) == 256
    assert ADAGRAD().bytes_per_row(64, itemsize=8) == 512
