"""The fused step and the reference agree bit for bit, over the product of all axes."""

from __future__ import annotations

import platform
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from freqopt.backends.numba import Workspace, step
from freqopt.backends.numba.fused_step import _apply, _step
from freqopt.backends.numba.fused_step._apply import make_apply
from freqopt.backends.numba.jit import _cache
from freqopt.backends.numba.threads import _team
from freqopt.errors import BackendError, RuleError
from freqopt.optimizers import Rule, rules
from freqopt.optimizers._critical import FixedMemory

from ..optimizers.drawing import KNOWN, WIDTHS, _values, drawn_rules, streams
from .compared import Pair, zipf_batch

DECLARED = [(name, dtype) for name in rules for dtype in ("float32", "float64")]
KERNELS = {"float64": 2, "float32": 1}
"""Kernels compiled of each rule in the default run: a compilation takes some seconds."""


def _own_options(name: str, count: int) -> list[dict[str, object]]:
    """Valid settings of a rule's own fields: the defaults, and others drawn with a fixed seed."""
    drawn, rng = [{}], random.Random(name)
    fields = {n: f for n, f in rules[name].model_fields.items() if n not in Rule.model_fields}
    for _ in range(1000):
        if len(drawn) == count:
            break
        options = {
            n: rng.choice(_values(f.annotation, f.default))
            for n, f in fields.items()
            if rng.random() < 0.5
        }
        try:
            rule = rules[name](**options).completed(**KNOWN)
            rule.init(np.zeros((1, 1)), **{s.name: [0.5] for s in rule.all_slots() if s.given})
        except RuleError:
            continue
        if options not in drawn:
            drawn.append(options)
    return drawn


@st.composite
def _rules_of_few_kernels(draw: st.DrawFn, name: str, kernels: int) -> Rule:
    """A rule with any common options, and own options that need few kernels."""
    options = dict(draw(st.sampled_from(_own_options(name, kernels))))
    # The options of a fixed memory, too, are numbers to the compiler.
    shared = FixedMemory if issubclass(rules[name], FixedMemory) else Rule
    common = [n for n in shared.model_fields if n not in options]
    for n in draw(st.lists(st.sampled_from(common), max_size=5, unique=True)):
        field = rules[name].model_fields[n]
        options[n] = draw(st.sampled_from(_values(field.annotation, field.default)))
    try:
        return rules[name](**options).completed(**KNOWN)
    except RuleError:
        assume(False)
        raise


def _compare(name: str, dtype: str, drawn: st.SearchStrategy[Rule], examples: int) -> None:
    workspaces = [Workspace(parts=p, direct=d) for p in (1, 2, 3) for d in (True, False)]
    done = 0

    @settings(max_examples=examples)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        nonlocal done
        size, width = data.draw(st.sampled_from([1, 2, 6])), data.draw(st.sampled_from(WIDTHS))
        start = np.random.default_rng(7).normal(size=(size, width)).astype(dtype)
        start[::2] = 0  # the last bit of a small step shows at 0 and is rounded away at 1
        pair = Pair(data.draw(drawn), start, data.draw(st.sampled_from(workspaces)))
        for rows, grads in data.draw(streams(size, width, dtype)):
            spoil = data.draw(st.integers(0, 9))
            if pair.rule.nonfinite != "raise" and spoil < rows.size:
                grads[spoil, 0] = [np.nan, np.inf][spoil % 2]
            pair.step(rows, grads)
            pair.check()
        done += 1

    check()
    assert done >= 0.6 * examples, f"only {done} examples were executed"


@pytest.mark.parametrize(("name", "dtype"), DECLARED)
def test_step_equals_the_reference(name: str, dtype: str) -> None:
    _compare(name, dtype, _rules_of_few_kernels(name, KERNELS[dtype]), examples=60)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dtype"), DECLARED)
def test_step_equals_the_reference_for_all_own_options(name: str, dtype: str) -> None:
    _compare(name, dtype, drawn_rules(rules[name]), examples=300)


FORM = {"cap": "none"}
LARGE = [
    ("sgd", {}),
    ("sgd", {"duplicates": "sequential", "momentum": 0.9, "clip": 0.1, "clip_scope": "batch"}),
    ("cf_sgd", {"form": "anytime", "unit": "occurrence", **FORM}),
    ("rowwise_adagrad", {"rows": "all", "max_norm": 1.0}),
    ("lazy_adam", {"clip": 0.1, "clip_scope": "batch"}),
    ("catchup_adam", {}),
    ("sgd_c", {"capacity": 3, "weight_decay": 0.1}),
    ("sgd_c", {"capacity": 3, "policy": "random", "insertion": "before"}),
    ("adam_c", {"capacity": 2}),
]


@pytest.mark.parametrize(("name", "options"), LARGE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_do_not_depend_on_threads(name: str, options: dict, dtype: str) -> None:
    rng = np.random.default_rng(1)
    start = rng.normal(size=(3000, 5)).astype(dtype)
    batches = [
        (zipf_batch(rng, 3000, size), rng.normal(size=(size, 5)).astype(dtype))
        for size in (9000, 1, 5000, 0, 12000)
    ]
    for workspace in (
        Workspace(threads=1),
        Workspace(threads=2),
        Workspace(threads=4),
        Workspace(threads=4, direct=False),
        Workspace(parts=7),
    ):
        pair = Pair(rules[name](**options), start, workspace)
        for rows, grads in batches:
            pair.step(rows, grads)
        pair.check()


LONG: dict[str, dict[str, object]] = {
    "sgd": {"lr": 0.05, "lr_decay": 1e-4, "lr_decay_law": "inverse_sqrt"},
    "fa_sgd": {"form": "recipe", "lr": 0.01, "exponent": 0.3, **FORM},
    "cf_sgd": {"form": "anytime", **FORM},
    "rowwise_adagrad": {"weight_decay": 0.01, "decay": "decoupled", "decay_rows": "lazy"},
    "catchup_adam": {"weight_decay": 0.01},
}


def _long(name: str, dtype: str, steps: int) -> None:
    """Steps on one, two and four threads' parts, in turn, on the same table."""
    rng = np.random.default_rng(2)
    target = rng.normal(size=(40, 4)).astype(dtype)
    workspaces = [Workspace(parts=parts) for parts in (1, 2, 4)]
    pair = Pair(rules[name](**LONG.get(name, {})), np.zeros((40, 4), dtype), workspaces[0])
    for k in range(steps):
        pair.workspace = workspaces[k % 3]
        rows = zipf_batch(rng, 40, int(rng.integers(1, 5)))
        noise = rng.normal(size=(rows.size, 4)).astype(dtype)
        pair.step(rows, pair.expected[rows] - target[rows] + noise)
    pair.check()


@pytest.mark.parametrize("name", [*LONG, "adagrad", "lazy_adam", "sgdm_c"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_trajectory(name: str, dtype: str) -> None:
    _long(name, dtype, 1000)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dtype"), DECLARED)
def test_trajectory_of_100_000_steps(name: str, dtype: str) -> None:
    _long(name, dtype, 100_000)


@pytest.mark.parametrize(
    ("name", "dtype"), [("sgd", "float64"), ("adagrad", "float32"), ("rowwise_adagrad", "float32")]
)
def test_nothing_is_contracted_to_fused_multiply_add(name: str, dtype: str, monkeypatch) -> None:
    monkeypatch.setattr(_cache.DiskCache, "load_overload", lambda *_: None)
    monkeypatch.setattr(_apply, "_made", {})
    pair = Pair(rules[name](), np.zeros((4, 40), dtype), Workspace(threads=1))
    pair.step(np.array([1]), np.ones((1, 40), dtype))
    (code,) = make_apply(pair.rule, np.dtype(dtype)).inspect_asm().values()
    instructions = {line.split()[0] for line in code.splitlines() if line.strip()}
    if platform.machine() == "x86_64":
        assert any(i.startswith(("vmulp", "mulp")) for i in instructions), "not vectorised"
    fused = ("vfm", "vfnm", "fmadd", "fmsub", "fnmadd", "fnmsub", "fmla", "fmls")
    assert not [i for i in instructions if i.startswith(fused)]


def test_a_learning_rate_grid_compiles_once() -> None:
    first = make_apply(rules["adam"](), np.dtype("float32"))
    assert (
        make_apply(rules["adam"](lr=0.5, beta1=0.3, weight_decay=1), np.dtype("float32")) is first
    )
    assert make_apply(rules["adam"](nesterov=True), np.dtype("float32")) is not first


def test_a_namesake_of_a_rule_does_not_get_its_kernel(tmp_path) -> None:
    path = tmp_path / "sgd.py"
    path.write_text(
        "from freqopt.optimizers import Rule\n"
        "class Mine(Rule):\n    def update(self, w, g, s):\n        return w + g\n"
    )
    rule = rules[str(path)]()
    assert rule.name() == "sgd"
    with pytest.raises(BackendError, match="runs in NumPy only: it has no kernel; write one"):
        Pair(rule, np.zeros((3, 2)), Workspace()).step(np.array([0]), np.ones((1, 2)))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("parts", [1, 2])
def test_ctrl_c_leaves_the_table_and_the_count_of_batches_agreed(
    parts: int, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is raised before the compiled call, or as that returns."""
    rule, table = rules["sgd"](lr=1.0), np.zeros((4, 1))
    state, workspace = rule.init(table), Workspace(parts=parts)
    rows, grads, run = np.arange(4), np.ones((4, 1)), _team.team.run_in_turn
    step(rule, table, state, rows, grads, workspace)

    def interrupted(*arguments: Any) -> None:
        if late:
            run(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(_team.team, "run_in_turn", interrupted)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            step(rule, table, state, rows, grads, workspace)
    assert int(state["t"]) == (4 if late else 1)
    assert (table == -int(state["t"])).all()


def test_ctrl_c_while_a_batch_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    rule, table = rules["sgd"](lr=1.0), np.zeros((4, 1))
    state, counts, calls = rule.init(table), _step._Begun._counts, []

    def interrupted(begun: Any) -> bool:
        calls.append(begun)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return counts(begun)

    monkeypatch.setattr(_step._Begun, "_counts", interrupted)
    with pytest.raises(KeyboardInterrupt):
        step(rule, table, state, np.arange(4), np.ones((4, 1)))
    assert int(state["t"]) == 1
    assert (table == -1).all()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cf_sgd", {"form": "anytime", "cap": "none"}),
        ("lazy_adam", {"step_index": "visits"}),
        ("sgd", {"clip": 0.1, "clip_scope": "batch"}),
    ],
)
def test_later_rounds_of_a_row_are_told_apart(name: str, options: dict[str, Any]) -> None:
    """A row's second occurrence is no second visit, and is clipped with the second round."""
    rng = np.random.default_rng(0)
    pair = Pair(
        rules[name](lr=0.1, duplicates="sequential", **options),
        rng.normal(size=(20, 4)),
        Workspace(2, parts=2),
    )
    for _ in range(5):
        pair.step(rng.integers(0, 20, 60), rng.normal(size=(60, 4)))
    pair.check()
