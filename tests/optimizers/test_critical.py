"""The critical-gradient buffer: both references agree, and every option does what it says."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freqopt.errors import BatchError, GradientError, RowError, RuleError
from freqopt.optimizers import Rule, rules
from freqopt.optimizers._critical_buffer import heap_order
from freqopt.optimizers._group import slow_step_group, step_group

FAMILY = ("sgd_c", "sgdm_c", "rmsprop_c", "adam_c")
AGGREGATIONS = ("sum", "mid", "mean", "min", "median", "max", "min-mean", "median-mean", "max-mean")


def rule(name: str = "sgd_c", **options: Any) -> Rule:
    return rules[name](**{"lr": 1.0, "priority_decay": 1.0, **options})


def fed(r: Rule, *grads: float) -> tuple[list[float], dict[str, np.ndarray]]:
    """The directions taken (lr = 1) on a 1 x 1 table fed with these gradients, and the state."""
    table = np.zeros((1, 1))
    state = r.init(table)
    directions = []
    for g in grads:
        before = table[0, 0]
        r.step(table, state, np.array([0]), np.array([[float(g)]]))
        directions.append(float(before - table[0, 0]))
    return directions, state


# -- the container -------------------------------------------------------------------------------


@settings(max_examples=400)
@given(st.lists(st.integers(0, 6), max_size=25))
def test_heap_order_is_that_of_cpython(priorities: list[int]) -> None:
    class Item:
        def __init__(self, index: int, priority: int) -> None:
            self.index, self.priority = index, priority

        def __lt__(self, other: Item) -> bool:
            return self.priority < other.priority

    items = [Item(k, p) for k, p in enumerate(priorities)]
    heapq.heapify(items)
    assert heap_order(np.array(priorities, float)) == [item.index for item in items]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", FAMILY)
def test_groups_agree_bit_for_bit(name: str, dtype: type) -> None:
    """Small whole gradients make ties of priorities; small buffers make every policy act."""
    executed = 0
    seen: set[str] = set()

    @settings(max_examples=120)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        nonlocal executed
        choose = lambda *values: data.draw(st.sampled_from(values))  # noqa: E731
        options = {
            "capacity": choose(1, 2, 3, 5),
            "priority_decay": choose(1.0, 0.5, 0.7),
            "kappa": choose(1.0, 0.3),
            "insertion": choose("after", "before", "buffer_only"),
            "policy": choose("top", "bottom", "fifo", "random"),
            "threshold": choose("slot0", "minimum"),
            "max_age": choose(None, 1, 3),
            "acceptance_test": choose(True, False),
            "synced": choose(True, False),
            "kappa_in_place": choose(True, False),
            "count_empty": choose(True, False),
            "weight_decay": choose(0.0, 0.1),
            "decay": choose("l2", "decoupled"),
            "seed": choose(None, 5),
        }
        only_sums = options["insertion"] == "buffer_only"
        options["aggregation"] = choose(*(("sum", "mean") if only_sums else AGGREGATIONS))
        r = rules[name](**options)
        rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
        sizes = {"a": (1, 1), "b": (5, 3)}
        fast = {k: rng.normal(size=size).astype(dtype) for k, size in sizes.items()}
        slow = {k: w.copy() for k, w in fast.items()}
        fast_states = {k: r.init(w) for k, w in fast.items()}
        slow_states = {k: r.init(w) for k, w in slow.items()}
        for _ in range(12):
            batches = {}
            for k, (n, d) in sizes.items():
                size = int(rng.choice([0, 1, 3]))
                g = rng.integers(-1, 3, size=(size, d)).astype(dtype)
                batches[k] = (rng.integers(0, n, size), g)
            step_group(r, fast, fast_states, batches)
            slow_step_group(r, slow, slow_states, batches)
            for k in sizes:
                assert fast[k].tobytes() == slow[k].tobytes(), r
                for slot, array in fast_states[k].items():
                    assert array.dtype == slow_states[k][slot].dtype
                    assert array.tobytes() == slow_states[k][slot].tobytes(), (slot, r)
        executed += 1
        seen.update(f"{key} {value}" for key, value in options.items())

    check()
    assert executed >= 100
    # Every value of every option was drawn at least once.
    assert {f"aggregation {a}" for a in AGGREGATIONS} <= seen
    assert {"policy random", "policy bottom", "insertion buffer_only", "max_age 1"} <= seen


# -- acceptance and eviction ---------------------------------------------------------------------


def test_slot0_may_be_larger_than_the_minimum() -> None:
    """Q1: of 1, 2, 4, 3 with C = 3, heapify then dropping the root leaves 2, 4, 3 or 3, 4, 2."""
    _, state = fed(rule(capacity=3), 3, 4, 1, 2)
    assert list(state["priorities"]) == [2, 3, 4]  # heap 1 2 3 4, the true minimum in slot 0
    _, state = fed(rule(capacity=3), 4, 1, 2, 3)
    assert list(state["priorities"]) == [3, 2, 4]  # heap 1 3 2 4: slot 0 is not the minimum
    for threshold, taken in (("slot0", 0), ("minimum", 1)):
        _, state = fed(rule(capacity=3, threshold=threshold), 4, 1, 2, 3, 2.5)
        assert (int(state["accepted"]), int(state["rejected"])) == (1 + taken, 1 - taken)


def test_aggregation_min_follows_the_threshold() -> None:
    for threshold, chosen in (("slot0", 3), ("minimum", 2)):
        options = {"capacity": 3, "threshold": threshold, "aggregation": "min"}
        directions, _ = fed(rule(**options), 4, 1, 2, 3, 0.5)
        assert directions[-1] == 0.5 + chosen


def test_a_tie_is_rejected() -> None:
    _, state = fed(rule(capacity=2), 1, 2, 1)
    assert (int(state["accepted"]), int(state["rejected"])) == (0, 1)


def test_the_new_gradient_itself_leaves_without_the_test() -> None:
    _, state = fed(rule(capacity=2, acceptance_test=False), 2, 3, 1)
    assert sorted(state["priorities"]) == [2, 3]
    assert (int(state["accepted"]), int(state["rejected"])) == (0, 0)


def test_priorities_decay_and_gradients_do_not() -> None:
    _, state = fed(rule(capacity=2, priority_decay=0.5), 8, -6)
    assert list(state["priorities"]) == [2, 3]
    assert list(state["buffer"][:, 0, 0]) == [8, -6]
    assert list(state["born"]) == [1, 2]


def test_bottom_keeps_the_small_gradients_and_zero_for_ever() -> None:
    _, state = fed(rule(policy="bottom", capacity=2), 4, 2, 1, 8, 0, 0.5)
    assert sorted(state["buffer"][:, 0, 0]) == [0, 0.5]
    assert np.isinf(state["priorities"]).sum() == 1


def test_fifo_is_a_window() -> None:
    _, state = fed(rule(policy="fifo", capacity=3, priority_decay=0.5), 9, 1, 8, 2, 7)
    assert list(state["born"]) == [3, 4, 5]
    assert list(state["priorities"]) == [3, 4, 5]


def test_random_evicts_every_place_equally_often() -> None:
    """A stored gradient leaves by chance alone: chi-square with 3 degrees of freedom."""
    r = rule(policy="random", capacity=4, acceptance_test=False, seed=3)
    table = np.zeros((1, 1))
    state = r.init(table)
    evicted = np.zeros(4)
    for _ in range(1000):
        before = sorted(state["born"])
        r.step(table, state, np.array([0]), np.array([[1.0]]))
        if before[0]:
            (gone,) = set(before) - set(state["born"])
            evicted[before.index(gone)] += 1
    expected = evicted.sum() / 4
    assert ((evicted - expected) ** 2 / expected).sum() < 30.7  # exceeded with probability 1e-6


def test_random_depends_on_seed_and_run_and_is_taken_from_the_run() -> None:
    grads = np.random.default_rng(0).normal(size=60)
    options = {"policy": "random", "capacity": 4, "acceptance_test": False}
    born = {
        key: tuple(fed(rule(**options, **extra), *grads)[1]["born"])
        for key, extra in {
            "none": {},
            "zero": {"seed": 0, "run": 0},
            "seed": {"seed": 1},
            "run": {"run": 1},
        }.items()
    }
    assert born["none"] == born["zero"]
    assert len(set(born.values())) == 3
    assert rule(**options).completed(seed=1) == rule(**options, seed=1)


def test_an_age_cap_can_empty_the_buffer() -> None:
    directions, state = fed(rule(capacity=1, max_age=1), 5, 1, 1)
    assert directions == [5, 6, 1]  # the third: 5 is two steps old and gone, 1 was rejected
    assert list(state["born"]) == [3]


# -- aggregation ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("sum", 1 + 0.5 * 4),
        ("mid", (1 + 0.5 * 4) / 2),
        ("mean", (1 + 0.5 * 12) / 4),
        ("min", 1 + 0.5 * 2),
        ("median", 1 + 0.5 * 3),
        ("max", 1 + 0.5 * 7),
        ("min-mean", (1 + 0.5 * 2) / 2),
        ("median-mean", (1 + 0.5 * 3) / 2),
        ("max-mean", (1 + 0.5 * 7) / 2),
    ],
)
def test_aggregations(aggregation: str, expected: float) -> None:
    directions, state = fed(rule(kappa=0.5, aggregation=aggregation, kappa_in_place=False), 3, 2, 7)
    assert directions[0] == 3  # the first step is the plain gradient
    directions, _ = fed(rule(kappa=0.5, aggregation=aggregation, kappa_in_place=False), 3, 2, 7, 1)
    assert directions[3] == expected
    assert sorted(state["buffer"][:3, 0, 0]) == [2, 3, 7]


def test_sum_takes_the_mean_of_a_buffer_that_is_filling() -> None:
    directions, _ = fed(rule(capacity=10), 2, 4, 8)
    assert directions == [2, 4 + 2, 8 + (2 + 4) / 2]


def test_kappa_multiplies_the_stored_gradient_in_place() -> None:
    """Q5: used twice, the stored 8 counts as 4 and then as 2."""
    for in_place, expected in ((True, [8, 1 + 4, 1 + 2]), (False, [8, 1 + 4, 1 + 4])):
        options = {"kappa": 0.5, "aggregation": "max", "kappa_in_place": in_place}
        assert fed(rule(**options), 8, 1, 1)[0] == expected


def test_insert_before_and_buffer_only() -> None:
    assert fed(rule(insertion="before", capacity=1), 4, 8, 2)[0] == [8, 16, 2 + 8]
    assert fed(rule(insertion="buffer_only", capacity=2), 4, 8, 2)[0] == [4, 12, 12]
    options = {"insertion": "buffer_only", "aggregation": "mean", "kappa": 0.5}
    assert fed(rule(**options, capacity=2), 4, 8, 2)[0] == [2, 3, 3]


# -- kappa = 0, kappa's role, weight decay --------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parent", "options"),
    [
        ("sgd_c", "sgd", {}),
        ("sgdm_c", "sgd", {"momentum": 0.9}),
        ("rmsprop_c", "rmsprop", {"centered": True}),
        ("adam_c", "adam", {"amsgrad": "raw"}),
    ],
)
@pytest.mark.parametrize("decay", ["l2", "decoupled"])
def test_kappa_zero_as_parent(name: str, parent: str, options: dict[str, Any], decay: str) -> None:
    shared = {"lr": 0.1, "weight_decay": 0.1, "decay": decay, **options}
    ours = rules[name](kappa=0.0, kappa_zero="parent", **shared)
    theirs = rules[parent](rows="all", **shared)
    a, b = np.ones((3, 2)), np.ones((3, 2))
    ours_state, theirs_state = ours.init(a), theirs.init(b)
    assert set(ours_state) == set(theirs_state)
    for t in range(5):
        batch = (np.array([0, 2]), np.array([[1.0, t], [-t, 0.5]]))
        ours.step(a, ours_state, *batch)
        theirs.step(b, theirs_state, *batch)
        assert (a == b).all()


def test_official_kappa_zero_loses_the_momentum() -> None:
    """Q2."""
    assert fed(rule("sgdm_c", kappa=0.0), 1, 1, 1)[0] == pytest.approx([1, 1, 1], rel=1e-15)
    parent = fed(rule("sgdm_c", kappa=0.0, kappa_zero="parent"), 1, 1, 1)[0]
    assert parent == pytest.approx([1, 1.9, 2.71], rel=1e-15)


@pytest.mark.parametrize("name", ["adam_c", "rmsprop_c"])
def test_kappa_is_a_switch(name: str) -> None:
    """Q4."""
    grads = [1.0, -3.0, 2.0, 0.5]
    one = fed(rule(name), *grads)[0]
    assert fed(rule(name, kappa=0.3), *grads)[0] == one
    assert fed(rule(name, kappa=0.3, kappa_role="factor"), *grads)[0] != one


def test_weight_decay_is_stored_by_sgd_c_and_not_by_the_adaptive_rules() -> None:
    for name, stored in (("sgd_c", 3.0), ("sgdm_c", 3.0), ("rmsprop_c", 1.0), ("adam_c", 1.0)):
        r = rules[name](weight_decay=0.5)
        table = np.full((1, 1), 4.0)
        state = r.init(table)
        r.step(table, state, np.array([0]), np.array([[1.0]]))
        assert state["buffer"][0, 0, 0] == stored
        assert state["priorities"][0] == 0.7  # of the raw gradient


# -- norms ---------------------------------------------------------------------------------------


def group(r: Rule, **grads: list[float]) -> dict[str, dict[str, np.ndarray]]:
    """One step of tables with one column; the states after it."""
    tables = {k: np.zeros((len(g), 1)) for k, g in grads.items()}
    states = {k: r.init(w) for k, w in tables.items()}
    batches = {k: (np.arange(len(g)), np.array(g)[:, None]) for k, g in grads.items()}
    step_group(r, tables, states, batches)
    return states


def test_a_group_shares_the_sum_of_its_norms() -> None:
    states = group(rule(), x=[3.0, 4.0], y=[12.0])
    assert [s["priorities"][0] for s in states.values()] == [17, 17]
    states = group(rule(synced=False), x=[3.0, 4.0], y=[12.0])
    assert [s["priorities"][0] for s in states.values()] == [5, 12]


def test_a_table_left_out_is_not_in_the_norm_and_not_stepped() -> None:
    r = rule(count_empty=False)
    tables = {"x": np.zeros((2, 1)), "y": np.zeros((2, 1))}
    states = {k: r.init(w) for k, w in tables.items()}
    batches = {
        "x": (np.array([1]), np.array([[3.0]])),
        "y": (np.zeros(0, np.int64), np.zeros((0, 1))),
    }
    step_group(r, tables, states, batches)
    assert (int(states["x"]["length"]), int(states["y"]["length"])) == (1, 0)
    assert states["x"]["priorities"][0] == 3
    step_group(rule(), tables, states, batches)  # counted: y stores a zero gradient
    assert (int(states["x"]["length"]), int(states["y"]["length"])) == (2, 1)


def test_the_norm_folds_the_touched_rows_in_ascending_order() -> None:
    """Rows 0, 1, 3 of four: (a + c) + b; over all four rows a + (b + c), row by row (a + b) + c."""
    by_row = {0: 0.1, 1: 1.7, 3: 0.3}
    a, b, c = (x * x for x in by_row.values())
    r, table = rule(), np.zeros((4, 1))
    state = r.init(table)
    rows = np.array([1, 3, 0])
    r.step(table, state, rows, np.array([[by_row[i]] for i in (1, 3, 0)]))
    assert state["priorities"][0] == np.sqrt((a + c) + b)
    assert np.sqrt((a + c) + b) not in (np.sqrt(a + (b + c)), np.sqrt((a + b) + c))


def test_priorities_of_a_float32_table_are_float64() -> None:
    table = np.zeros((1, 1), np.float32)
    r = rule()
    state = r.init(table)
    r.step(table, state, np.array([0]), np.array([[1e-30]], np.float32))
    assert state["priorities"][0] == float(np.float32(1e-30))  # its square is 0 in float32


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sgd_c", {"priority_decay": 1.5}, "less than or equal to 1"),
        ("sgd_c", {"priority_decay": 0.0}, "greater than 0"),
        ("sgd_c", {"capacity": 0}, "greater than 0"),
        ("sgd_c", {"kappa": -1.0}, "greater than or equal to 0"),
        ("sgd_c", {"max_age": 0}, "greater than 0"),
        ("sgd_c", {"rows": "touched"}, "rows"),
        ("sgd_c", {"duplicates": "sequential"}, "duplicates"),
        ("sgd_c", {"insertion": "buffer_only", "aggregation": "mid"}, "buffer_only"),
        ("sgd_c", {"insertion": "buffer_only", "kappa": 0.0}, "never moves"),
        ("sgd_c", {"topC": 5}, "unknown key"),
        ("adam_c", {"kappa": 0.0}, "Q2"),
        ("rmsprop_c", {"kappa": 0.0}, "Q2"),
    ],
)
def test_refused_options(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        rules[name](**options)


@pytest.mark.parametrize("name", ["sgd", "sgd_c"])
@pytest.mark.parametrize(
    ("batch", "error"),
    [
        ((np.array([9]), np.ones((1, 1))), RowError),
        ((np.array([0]), np.full((1, 1), np.nan)), GradientError),
        ((np.array([0]), np.ones((1, 2))), BatchError),
    ],
)
def test_a_bad_batch_changes_no_table(name: str, batch: tuple, error: type[Exception]) -> None:
    r = rules[name]()
    tables = {"x": np.zeros((2, 1)), "y": np.zeros((2, 1))}
    states = {k: r.init(w) for k, w in tables.items()}
    with pytest.raises(error):
        step_group(r, tables, states, {"x": (np.array([0]), np.ones((1, 1))), "y": batch})
    assert not tables["x"].any()
    assert all(not array.any() for s in states.values() for array in s.values())


def test_the_names_of_a_group_must_agree() -> None:
    r = rules["sgd"]()
    tables = {"x": np.zeros((1, 1)), "y": np.zeros((1, 1))}
    states = {k: r.init(w) for k, w in tables.items()}
    one = (np.array([0]), np.ones((1, 1)))
    with pytest.raises(BatchError, match="batches are given for"):
        step_group(r, tables, states, {"x": one})
    with pytest.raises(BatchError, match="states are given for"):
        step_group(r, tables, {"x": states["x"]}, {"x": one, "y": one})


def test_ordinary_rules_step_each_table_by_itself() -> None:
    r = rules["adagrad"]()
    rng = np.random.default_rng(0)
    tables = {k: rng.normal(size=(4, 2)) for k in "xy"}
    alone = {k: w.copy() for k, w in tables.items()}
    states, alone_states = ({k: r.init(w) for k, w in tables.items()} for _ in range(2))
    for _ in range(3):
        batches = {k: (np.array([1, 1, 3]), rng.normal(size=(3, 2))) for k in "xy"}
        step_group(r, tables, states, batches)
        for k in "xy":
            r.step(alone[k], alone_states[k], *batches[k])
    assert all((tables[k] == alone[k]).all() for k in "xy")
