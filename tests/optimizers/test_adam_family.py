"""Adam and its kin against closed forms (mpmath), published figures, and each other."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mpf

import freqopt
from freqopt.errors import RuleError
from freqopt.optimizers import Rule, rules

Adam, LazyAdam, AMSGrad = rules["adam"], rules["lazy_adam"], rules["amsgrad"]
AdamW, CatchUpAdam, NAdam = rules["adamw"], rules["catchup_adam"], rules["nadam"]
FAMILY = {"adam", "lazy_adam", "amsgrad", "adamw", "catchup_adam", "nadam"}

# Betas with few bits: 1 - beta^k is then exact and hides no cancellation in the comparison.
DYADIC = {"beta1": 0.875, "beta2": 0.96875, "lr": 0.125}


def one_row(rule: Rule, gradients: list[Any], start: Any = (0.0,), **state: Any) -> np.ndarray:
    """Positions of one row after each batch; None stands for an empty batch."""
    table = np.array([start], dtype=np.float64)
    kept = rule.init(table)
    for slot, value in state.items():
        kept[slot][...] = value
    path = []
    for g in gradients:
        grads = np.zeros((0, table.shape[1])) if g is None else np.array([g], dtype=np.float64)
        rule.step(table, kept, np.zeros(len(grads), np.int64), grads)
        path.append(table[0].copy())
    return np.array(path)


def closed_form(rule: Any, start: list[float], gradients: list[Any]) -> list[mpf]:
    """The row after all batches, from sums over the whole history at 50 digits; no recursion."""
    mpmath.mp.dps = 50
    b1, b2, eps = mpf(rule.beta1), mpf(rule.beta2), mpf(rule.epsilon)
    w, seen, times = [mpf(x) for x in start], [], []
    highest = [mpf(0)] * len(w)
    for t, given in enumerate(gradients, 1):
        if given is None and rule.rows != "all" and not isinstance(rule, CatchUpAdam):
            continue
        lr, decay = mpf(rule.lr) / (1 + (t - 1) * mpf(rule.lr_decay)), mpf(rule.weight_decay)
        g = [mpf(0)] * len(w) if given is None else [mpf(x) for x in given]
        if rule.decay == "l2":
            g = [a + decay * b for a, b in zip(g, w, strict=True)]
        else:
            w = [x * (1 - lr * decay) for x in w]
        seen.append(g)
        times.append(t)
        n = len(seen)
        k = t if rule.step_index == "batches" else n
        second = [
            (1 - b2) * sum(b2 ** (n - 1 - i) * g[j] ** 2 for i, g in enumerate(seen))
            for j in range(len(w))
        ]
        if rule.statistic == "row_mean":
            second = [sum(second) / len(w)] * len(w)
        c1 = 1 - b1**k if rule.bias_correction in ("both", "first") else mpf(1)
        c1_next = 1 - b1 ** (k + 1) if rule.bias_correction in ("both", "first") else mpf(1)
        c2 = 1 - b2**k if rule.bias_correction in ("both", "second") else mpf(1)
        for j in range(len(w)):
            m = (1 - b1) * sum(b1 ** (n - 1 - i) * g[j] for i, g in enumerate(seen))
            hat = second[j] / c2
            if rule.amsgrad == "raw":
                highest[j] = max(highest[j], second[j])
                hat = highest[j] / c2
            elif rule.amsgrad == "corrected":
                hat = highest[j] = max(highest[j], hat)
            denominator = {
                "outside": mpmath.sqrt(hat) + eps,
                "eps_hat": mpmath.sqrt(hat) + eps / mpmath.sqrt(c2),
                "eps_hat_inside": mpmath.sqrt(hat + eps / c2),
                "inside": mpmath.sqrt(hat + eps),
                "inside_and_outside": mpmath.sqrt(hat + mpf(rule.epsilon_root)) + eps,
            }[rule.epsilon_place]
            numerator = m / c1
            if rule.nesterov and not isinstance(rule, NAdam):
                numerator = b1 * m / c1_next + (1 - b1) * g[j] / c1
            elif rule.nesterov:
                numerator = scheduled(rule, k, m, g[j])
            w[j] -= lr * numerator / denominator
    return w


def scheduled(rule: Any, k: int, m: mpf, g: mpf) -> mpf:
    """Numerator of torch's NAdam at step k."""
    mu = [rule.beta1 * (1 - mpf(0.96) ** (i * mpf(rule.momentum_decay)) / 2) for i in range(k + 2)]
    past = mpmath.fprod(mu[1 : k + 1]) if rule.bias_correction == "both" else 0
    return mu[k + 1] * m / (1 - past * mu[k + 1]) + (1 - mu[k]) * g / (1 - past)


PLACES = [
    {"epsilon_place": "outside"},
    {"epsilon_place": "eps_hat"},
    {"epsilon_place": "eps_hat_inside"},
    {"epsilon_place": "inside"},
    {"epsilon_place": "inside_and_outside", "epsilon_root": 0.0625},
]
CLOSED = [
    *((Adam, place) for place in PLACES),
    *((Adam, {"bias_correction": which}) for which in ("first", "second", "none")),
    *((Adam, {"bias_correction": which, "nesterov": True}) for which in ("both", "second")),
    (Adam, {"statistic": "row_mean"}),
    (Adam, {"statistic": "row_mean", "amsgrad": "raw"}),
    (Adam, {"lr_decay": 0.5, "weight_decay": 0.25}),
    *((AMSGrad, {"amsgrad": which}) for which in ("raw", "corrected")),
    *((AMSGrad, {"epsilon_place": place}) for place in ("eps_hat", "eps_hat_inside", "inside")),
    (AMSGrad, {"bias_correction": "none", "epsilon": 0.0}),
    (AdamW, {"weight_decay": 0.25, "lr_decay": 0.5}),
    *((LazyAdam, place) for place in PLACES),
    (LazyAdam, {"step_index": "visits"}),
    (LazyAdam, {"step_index": "visits", "epsilon_place": "outside", "nesterov": True}),
    (LazyAdam, {"decay": "decoupled", "weight_decay": 0.25, "statistic": "row_mean"}),
    (CatchUpAdam, {}),
    (CatchUpAdam, {"amsgrad": "corrected", "decay": "decoupled", "weight_decay": 0.25}),
    (NAdam, {}),
    (NAdam, {"bias_correction": "second", "momentum_decay": 3.0}),
    (NAdam, {"rows": "touched", "step_index": "visits", "momentum_decay": 3.0}),
]


@pytest.mark.parametrize(("rule", "options"), CLOSED)
def test_closed_form(rule: type[Rule], options: dict[str, Any]) -> None:
    """Six batches, two of them without the row. The tolerance is 9 ULP of a number near 1."""
    made = rule(**{**DYADIC, "epsilon": 0.03125, **options})
    gradients = [[0.5, -2.0], [1.5, 0.25], None, [-0.75, 3.0], None, [0.125, 1.0]]
    start = [1.0, -1.0]
    table = np.array([start])
    state = made.init(table)
    for g in gradients:
        rows = np.zeros(0 if g is None else 1, np.int64)
        made.step(table, state, rows, np.array([] if g is None else [g]).reshape(rows.size, 2))
    made.catch_up(table, state)
    expected = closed_form(made, start, gradients)
    for j in range(2):
        assert abs(mpf(table[0, j]) - expected[j]) <= 2e-15


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("rule", "options"), CLOSED)
def test_references_agree(rule: type[Rule], options: dict[str, Any], dtype: type) -> None:
    """Bit for bit; steps of about 1 from 0, so that the last bit of a step is not rounded away."""
    made = rule(**{"epsilon": 0.03125, "lr": 1.0, **options})
    fast, slow = np.zeros((2, 5, 3), dtype)
    fast_state, slow_state = made.init(fast), made.init(slow)
    rng = np.random.default_rng(5)
    for _ in range(20):
        rows = rng.integers(0, 4, rng.integers(0, 5))
        grads = rng.normal(size=(rows.size, 3)) * 10.0 ** rng.integers(-4, 2, (rows.size, 1))
        made.step(fast, fast_state, rows, grads.astype(dtype))
        made.slow_step(slow, slow_state, rows, grads.astype(dtype))
        assert fast.tobytes() == slow.tobytes()
    for slot, values in fast_state.items():
        assert values.tobytes() == slow_state[slot].tobytes(), slot


def test_published_defaults() -> None:
    """The closed form with the betas everybody uses; 1 - 0.999^k loses 3 digits to cancellation."""
    gradients = [[0.1], [-0.2], None, [0.3]]
    for rule in (Adam(lr=0.1), LazyAdam(lr=0.1), AMSGrad(lr=0.1), AdamW(lr=0.1), NAdam(lr=0.1)):
        got = one_row(rule, [None if g is None else g for g in gradients], start=[1.0])[-1, 0]
        assert got == pytest.approx(float(closed_form(rule, [1.0], gradients)[0]), rel=1e-13)


# -- published figures -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "steps"),
    [(Adam, [1.000, 0.990, 0.909, 0.500]), (LazyAdam, [1.000, 0.760, 0.240, 0.031])],
)
def test_first_step_by_place_of_epsilon(rule: type[Rule], steps: list[float]) -> None:
    """Measured on torch 2.13: eps 1e-8, gradients 1e-2, 1e-6, 1e-7, 1e-8."""
    for g, expected in zip([1e-2, 1e-6, 1e-7, 1e-8], steps, strict=True):
        assert -one_row(rule(lr=1.0), [[g]])[0, 0] == pytest.approx(expected, abs=5.1e-4)


def test_first_step_where_gradient_equals_epsilon() -> None:
    """Gradient and eps 1e-3: 0.5 outside, 0.0307 with eps-hat at t = 1."""
    step = {
        place: -one_row(Adam(lr=1.0, epsilon=1e-3, epsilon_place=place), [[1e-3]])[0, 0]
        for place in ("outside", "inside", "eps_hat")
    }
    assert step["outside"] == pytest.approx(0.5, rel=1e-13)
    assert step["inside"] == pytest.approx(1e-3 / math.sqrt(1e-6 + 1e-3), rel=1e-13)  # 0.0316
    assert step["eps_hat"] == pytest.approx(1 / (1 + 1 / math.sqrt(1e-3)), rel=1e-13)  # 0.0307


FIRST_TOUCH = {
    1: 1.000, 2: 0.744, 5: 0.545, 10: 0.484, 20: 0.507,
    50: 0.702, 100: 0.976, 500: 1.98, 1000: 2.51, 10000: 3.16,
}  # fmt: skip


def first_touch(t: int, **options: Any) -> float:
    """First step of a row that appears at batch t, in units of lr."""
    return float(-one_row(LazyAdam(lr=1.0, epsilon=0.0, **options), [[1.0]], t=t - 1)[0, 0])


@pytest.mark.parametrize("t", FIRST_TOUCH)
def test_first_touch_at_batch(t: int) -> None:
    """The global index corrects a rare row's bias as if it had been there."""
    digits = 5.1e-3 if t >= 500 else 5.1e-4
    assert first_touch(t) == pytest.approx(FIRST_TOUCH[t], abs=digits)
    assert first_touch(t, step_index="visits") == pytest.approx(1.0, rel=1e-12)


def test_first_touch_least_and_limit() -> None:
    steps = {t: first_touch(t) for t in range(1, 40)}
    assert min(steps, key=lambda t: steps[t]) == 12
    assert steps[12] == pytest.approx(0.481, abs=5e-4)
    assert first_touch(10**6) == pytest.approx(0.1 / math.sqrt(0.001), rel=1e-12)  # 3.162


@pytest.mark.parametrize(
    ("touched_at", "first", "dense"), [(1, 1.0, 6.006), (10_001, 3.162, 31.77)]
)
def test_dense_and_lazy_travel(touched_at: int, first: float, dense: float) -> None:
    """Measured on torch 2.13: one unit gradient, lr 1, then none for the row."""
    gradients = [[1.0], *[None] * 400]  # 0.9^400 = 5e-19: nothing is left to move
    moved = -one_row(Adam(lr=1.0), gradients, t=touched_at - 1)[:, 0]
    assert moved[0] == pytest.approx(first, abs=5e-4)
    assert moved[-1] == pytest.approx(dense, abs=5e-3 if dense > 10 else 5e-4)
    lazy = -one_row(LazyAdam(lr=1.0), gradients, t=touched_at - 1)[:, 0]
    assert lazy[0] == pytest.approx(first, abs=5e-4)
    assert (lazy == lazy[0]).all()


def gap(a: Rule, b: Rule, scale: float = 1.0) -> float:
    """Largest distance of two trajectories over the largest position of the second."""
    gradients = [[scale * g] for g in np.random.default_rng(0).standard_normal(20)]
    first, second = one_row(a, gradients), one_row(b, gradients)
    return float(np.abs(first - second).max() / np.abs(second).max())


def dialect(rule: type[Rule], name: str, **options: Any) -> Rule:
    return rule(lr=0.1, **{**rule.dialects[name], **options})


def test_gaps_between_libraries() -> None:
    """Measured: optax 0.2.8 and torch 2.13, 20 standard normal gradients."""
    optax, torch = dialect(Adam, "optax.adam"), dialect(Adam, "torch.Adam")
    assert gap(optax, torch) <= 5.1e-16
    assert gap(optax, torch, scale=1e-8) <= 5.1e-16
    optax, torch = dialect(Adam, "optax.nadam"), dialect(NAdam, "torch.NAdam")
    assert gap(optax, torch) == pytest.approx(0.803, abs=5e-4)
    assert abs(one_row(optax, [[1.0]])[0, 0]) == pytest.approx(0.147, abs=5e-4)
    assert abs(one_row(torch, [[1.0]])[0, 0]) == pytest.approx(0.106, abs=5e-4)
    optax, torch = dialect(AMSGrad, "optax.amsgrad"), dialect(AMSGrad, "torch.Adam(amsgrad)")
    assert gap(optax, torch) == pytest.approx(1.9e-2, abs=5e-4)
    for which, apart in (("first", 17), ("second", 0.64), ("none", 4.2)):
        optax = dialect(AMSGrad, "optax.amsgrad", bias_correction=which)
        assert gap(optax, torch) == pytest.approx(apart, rel=3e-2)
    optax, torch = dialect(AdamW, "optax.adamw"), dialect(AdamW, "torch.AdamW")
    assert gap(optax, torch) == pytest.approx(1.1e-2, abs=5e-4)
    assert gap(dialect(AdamW, "optax.adamw", weight_decay=1e-2), torch) <= 2.8e-16


def test_every_dialect_can_be_built() -> None:
    for name in FAMILY:
        for spoken in rules[name].dialects:
            assert dialect(rules[name], spoken).lr == 0.1


# -- relations ---------------------------------------------------------------------------------


def test_lazy_adam_sums_duplicates_and_counts_batches() -> None:
    rule = LazyAdam(lr=0.1, epsilon=1e-3, step_index="visits")
    once, twice = np.ones((3, 2)), np.ones((3, 2))
    a, b = rule.init(once), rule.init(twice)
    rule.step(once, a, np.array([1]), np.array([[0.5, -3.0]]))
    rule.step(twice, b, np.array([1, 1]), np.array([[0.25, -1.0], [0.25, -2.0]]))
    assert (once == twice).all()
    assert (b["visits"] == [0, 1, 0]).all()
    assert (once[[0, 2]] == 1).all()


def test_sequential_duplicates_share_a_visit() -> None:
    rule = LazyAdam(lr=0.1, step_index="visits", duplicates="sequential")
    table = np.zeros((2, 1))
    state = rule.init(table)
    rule.step(table, state, np.array([0, 0, 1]), np.ones((3, 1)))
    assert (state["visits"] == 1).all()
    # second occurrence: m = .1 + .09, v = .001 + .000999, both corrected as in batch 1
    second = (0.19 / 0.1) / (math.sqrt(0.001999 / 0.001) + 1e-8 / math.sqrt(0.001))
    assert -table[0, 0] == pytest.approx(0.1 * (1 / (1 + 1e-8 / math.sqrt(0.001)) + second))


def test_row_whose_duplicates_cancel_is_touched() -> None:
    table = np.zeros((1, 1))
    rule = LazyAdam(lr=1.0)
    state = rule.init(table)
    rule.step(table, state, np.array([0]), np.array([[1.0]]))
    before = table.copy()
    rule.step(table, state, np.array([0, 0]), np.array([[7.0], [-7.0]]))
    assert state["m"][0, 0] == 0.9 * (1 - 0.9)
    assert table[0, 0] != before[0, 0]


def test_empty_batch_advances_the_index() -> None:
    """torch.optim.SparseAdam increments its step on an empty gradient (measured)."""
    counted = one_row(LazyAdam(lr=1.0), [None, [1.0]])[-1, 0]
    skipped = one_row(LazyAdam(lr=1.0, count_empty=False), [None, [1.0]])[-1, 0]
    assert -counted == pytest.approx(0.744, abs=5e-4)
    assert -skipped == pytest.approx(1.0, abs=1e-6)


def test_adamw_decays_apart_from_the_gradient() -> None:
    """No gradient: (1 - lr lambda)^t. Adam's l2 turns the same decay into a full step of lr."""
    rule = AdamW(lr=0.5, weight_decay=0.25)
    assert one_row(rule, [[0.0]] * 3, start=[2.0])[-1, 0] == 2.0 * (1 - 0.125) ** 3
    assert one_row(AdamW(lr=0.5), [[0.0]], start=[2.0])[0, 0] == 2.0 * (1 - 0.5 * 0.01)
    l2 = AdamW(lr=0.5, weight_decay=0.25, decay="l2")
    assert one_row(l2, [[0.0]], start=[2.0])[0, 0] == pytest.approx(1.5, abs=1e-6)


def test_amsgrad_never_divides_by_less() -> None:
    """beta1 = 0 and a constant gradient after a large one: |step| falls with "corrected" only."""
    gradients = [[1.0], [100.0], *[[1.0]] * 50]
    for kind, shrinks in (("corrected", True), ("raw", False), ("none", False)):
        rule = AMSGrad(lr=1.0, beta1=0.0, beta2=0.9, amsgrad=kind)
        steps = np.abs(np.diff(one_row(rule, gradients)[:, 0]))[1:]
        assert (np.diff(steps) <= 1e-15).all() == shrinks
    raw = AMSGrad(lr=1.0, beta1=0.0, beta2=0.9, bias_correction="none")
    steps = np.abs(np.diff(one_row(raw, gradients)[:, 0]))[1:]
    assert (np.abs(np.diff(steps)) <= 1e-14).all()  # the maximum of batch 2 for ever


def test_zero_denominator_does_not_move() -> None:
    for place in ("outside", "eps_hat", "eps_hat_inside", "inside", "inside_and_outside"):
        rule = Adam(epsilon=0.0, epsilon_place=place)
        assert (one_row(rule, [[0.0], None, [0.0]], start=[3.0]) == 3.0).all()


@pytest.mark.parametrize(
    ("name", "options", "bytes_in_float32"),
    [
        ("adam", {}, 8 * 16),
        ("adam", {"statistic": "row_mean"}, 4 * 16 + 4),
        ("lazy_adam", {"step_index": "visits"}, 8 * 16 + 8),
        ("amsgrad", {}, 12 * 16),
        ("adamw", {"rows": "touched", "decay_rows": "lazy"}, 8 * 16 + 8),
        ("catchup_adam", {}, 8 * 16 + 8),
        ("nadam", {}, 8 * 16 + 8),
    ],
)
def test_memory(name: str, options: dict[str, Any], bytes_in_float32: int) -> None:
    assert rules[name](**options).bytes_per_row(16) == bytes_in_float32


# -- catch-up ----------------------------------------------------------------------------------

CATCH_UP = [
    {},
    {"epsilon_place": "eps_hat", "lr_decay": 0.05},
    {"amsgrad": "raw", "max_norm": 0.7},
    {"amsgrad": "corrected", "statistic": "row_mean"},
    {"nesterov": True, "duplicates": "squares"},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "decay": "decoupled", "lr_decay": 0.05, "lr_decay_law": "inverse_sqrt"},
    {"beta1": 0.0, "bias_correction": "none", "count_empty": False, "padding_row": 1},
    {"beta2": 0.0, "epsilon": 0.5},
    {"clip": 1.0, "clip_scope": "batch", "maximize": True, "epsilon": 0.0},
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", CATCH_UP)
def test_catch_up_is_dense_adam(options: dict[str, Any], dtype: type) -> None:
    """300 batches over 12 rows, geometric: row 0 in most, row 9 in hardly any, row 11 in none.

    The gradient is that of a quadratic at the rows themselves, so that one stale row would show.
    """
    dense, lazy = Adam(lr=0.05, **options), CatchUpAdam(lr=0.05, **options)
    rng = np.random.default_rng(3)
    target = rng.normal(size=(12, 3)).astype(dtype)
    full = rng.normal(size=(12, 3)).astype(dtype)
    stored = full.copy()
    dense_state, lazy_state = dense.init(full), lazy.init(stored)
    longest = 0
    for batch in range(300):
        rows = np.minimum(rng.geometric(0.4, rng.integers(0, 4)) - 1, 10)
        noise = (rng.normal(size=(rows.size, 3)) * 10.0 ** rng.integers(-6, 2)).astype(dtype)
        if rows.size:
            longest = max(longest, int((lazy_state["t"] - lazy_state["settled_at"][rows]).max()))
        lazy.catch_up(stored, lazy_state, None if batch % 100 == 0 else rows)
        assert (stored[rows] == full[rows]).all()
        dense.step(full, dense_state, rows, full[rows] - target[rows] + noise)
        lazy.step(stored, lazy_state, rows, stored[rows] - target[rows] + noise)
    assert longest >= 50
    assert (lazy_state["v"] != dense_state["v"]).any(), "no row is behind: this would test nothing"
    lazy.catch_up(stored, lazy_state)
    assert stored.tobytes() == full.tobytes()
    for slot, values in dense_state.items():
        assert lazy_state[slot].tobytes() == values.tobytes(), slot
    lazy.catch_up(stored, lazy_state)
    assert stored.tobytes() == full.tobytes()


def test_catch_up_moves_no_other_row() -> None:
    rule = CatchUpAdam(lr=0.1)
    table = np.ones((4, 2))
    state = rule.init(table)
    rule.step(table, state, np.array([0, 2]), np.ones((2, 2)))
    before = table.copy()
    rule.step(table, state, np.array([0]), np.ones((1, 2)))
    assert (table[1:] == before[1:]).all()
    assert (state["settled_at"] == [2, 0, 1, 0]).all()


def test_row_at_rest_is_not_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row first touched at batch 1,000,001 costs one update; with weight decay it would not."""
    calls = []
    update = Adam.update
    monkeypatch.setattr(Adam, "update", lambda *a: calls.append(1) or update(*a))
    one_row(CatchUpAdam(), [[1.0]], t=10**6)
    assert len(calls) == 1
    calls.clear()
    one_row(CatchUpAdam(weight_decay=0.1), [[1.0]], t=10)
    assert len(calls) == 11


def test_catch_up_refuses_before_it_replays() -> None:
    rule = CatchUpAdam(lr=0.1)
    table = np.ones((3, 1))
    state = rule.init(table)
    rule.step(table, state, np.array([0]), np.ones((1, 1)))
    rule.step(table, state, np.array([1]), np.ones((1, 1)))
    kept = table.copy(), {k: v.copy() for k, v in state.items()}
    with pytest.raises(ValueError, match="NaN or inf"):
        rule.step(table, state, np.array([0, 1]), np.array([[1.0], [np.nan]]))
    assert (table == kept[0]).all()
    assert all((state[k] == v).all() for k, v in kept[1].items())


# -- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("adam", {"step_index": "visits"}, "rows = 'all' rows are updated before their first"),
        ("lazy_adam", {"step_index": "visits", "rows": "all"}, "choose rows = 'touched'"),
        ("adam", {"amsgrad": "corrected", "epsilon_place": "eps_hat"}, "choose amsgrad = 'raw'"),
        ("adam", {"epsilon_root": 0.1}, "epsilon_root = 0.1 acts with epsilon_place"),
        ("adam", {"beta1": 1.0}, "beta1 = 1.0: input should be less than 1"),
        ("adam", {"beta3": 0.5}, "unknown key 'beta3'; did you mean 'beta"),
        ("catchup_adam", {"rows": "all"}, "rows = 'all': input should be 'touched'"),
        ("catchup_adam", {"duplicates": "sequential"}, "duplicates = 'sequential': input should"),
        ("catchup_adam", {"decay_rows": "lazy"}, "input should be 'updated'"),
        ("catchup_adam", {"step_index": "visits"}, "input should be 'batches'"),
        ("nadam", {"nesterov": False}, "input should be true"),
        ("nadam", {"rows": "touched"}, "rows = 'touched' with 'visits'"),
    ],
)
def test_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        rules[name](**options)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_run_of_catchup_adam_is_a_run_of_dense_adam(dtype: str) -> None:
    # Gradients depend on the rows, so the rows must be up to date when they are read.
    problem = freqopt.problem("pair", loss="logistic")
    runs = [
        freqopt.run(problem, freqopt.rule(name, lr=0.05), steps=300, dtype=dtype, checkpoints=3)
        for name in ("adam", "catchup_adam")
    ]
    dense, lazy = (run.tables for run in runs)
    for name in dense:
        assert np.asarray(dense[name]).tobytes() == np.asarray(lazy[name]).tobytes()
