"""Row-wise AdaGrad against closed forms (mpmath), published figures and its neighbours."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from freqopt.errors import RuleError
from freqopt.optimizers import Rule, rules

RowWise = rules["rowwise_adagrad"]


def path(rule: Rule, gradients: list[list[float]], start: list[float] | None = None) -> np.ndarray:
    """Positions of one row after each batch."""
    table = np.array([start or [0.0] * len(gradients[0])])
    state = rule.init(table)
    positions = []
    for g in gradients:
        rule.step(table, state, np.zeros(1, np.int64), np.array([g]))
        positions.append(table[0].copy())
    return np.array(positions)


def one_batch(rule: Rule, *occurrences: list[float]) -> np.ndarray:
    """Where a row at 0 goes when it occurs so often in one batch."""
    table = np.zeros((1, len(occurrences[0])))
    state = rule.init(table)
    rule.step(table, state, np.zeros(len(occurrences), np.int64), np.array(occurrences))
    return table[0]


STATISTICS = {
    "mean_square": lambda g: sum(x * x for x in g) / len(g),
    "sum_square": lambda g: sum(x * x for x in g),
    "max_square": lambda g: max(abs(x) for x in g) ** 2,
    "square_of_mean": lambda g: (sum(g) / len(g)) ** 2,
    "norm": lambda g: mpmath.sqrt(sum(x * x for x in g)),
}


def closed_form(rule: Any, start: list[float], gradients: list[Any]) -> list[mpf]:
    """The row after all batches from sums over the whole history, at 50 digits; no recursion."""
    mpmath.mp.dps = 50
    w, added, eps = [mpf(x) for x in start], [], mpf(rule.epsilon)
    rho, first = mpf(rule.rho), mpf(rule.initial_accumulator)
    for t, given in enumerate(gradients, 1):
        if given is None:
            continue
        lr, decay = mpf(rule.lr) / (1 + (t - 1) * mpf(rule.lr_decay)), mpf(rule.weight_decay)
        g = [mpf(x) for x in given]
        if rule.decay == "l2":
            g = [a + decay * b for a, b in zip(g, w, strict=True)]
        else:
            w = [x * (1 - lr * decay) for x in w]
        weight = mpmath.sqrt(t + 1) if rule.law == "weighted" else mpf(1)
        added.append(weight * STATISTICS[rule.statistic](g))
        used = added if rule.order == "accumulate_first" else added[:-1]
        n = len(used)
        if rule.law == "mean":
            s = rho**n * first + (1 - rho) * sum(rho ** (n - 1 - i) * x for i, x in enumerate(used))
        else:
            s = first + sum(used)
        denominator = {
            "outside": mpmath.sqrt(s) + eps,
            "inside": mpmath.sqrt(s + eps),
            "inside_guarded": mpmath.sqrt(s + eps),
            "cube_root": mpmath.cbrt(s) + eps,
        }[rule.epsilon_place]
        w = [x - lr * weight * y / denominator for x, y in zip(w, g, strict=True)]
    return w


OPTIONS = [
    *({"statistic": statistic} for statistic in STATISTICS),
    *({"epsilon_place": p} for p in ("outside", "inside", "inside_guarded", "cube_root")),
    {"law": "mean", "rho": 0.75},
    {"law": "weighted"},
    {"law": "weighted", "epsilon_place": "cube_root"},
    {"order": "use_first"},
    {"order": "use_first", "law": "mean", "rho": 0.75},
    {"lr_decay": 0.5},
    {"weight_decay": 0.25},
    {"weight_decay": 0.25, "decay": "decoupled", "lr_decay": 0.5},
    {"initial_accumulator": 0.0, "epsilon": 0.0},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_closed_form(options: dict[str, Any]) -> None:
    """Five batches, one without the row. The tolerance is 9 ULP of a number near 1."""
    rule = RowWise(**{"lr": 0.125, "epsilon": 0.0625, "initial_accumulator": 0.25, **options})
    gradients = [[0.5, -2.0, 0.25], [1.5, 0.25, 1.0], None, [-0.75, 3.0, 0.5], [0.125, 1.0, -1.0]]
    table = np.array([[1.0, -1.0, 0.5]])
    expected = closed_form(rule, list(table[0]), gradients)
    state = rule.init(table)
    for g in gradients:
        given = np.zeros((0, 3)) if g is None else np.array([g])
        rule.step(table, state, np.zeros(len(given), np.int64), given)
    for j in range(3):
        assert abs(mpf(table[0, j]) - expected[j]) <= 2e-15


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", OPTIONS)
def test_references_agree(options: dict[str, Any], dtype: type) -> None:
    """Bit for bit; steps of about 1 from 0, so that the last bit of a step is not rounded away."""
    made = RowWise(**{"epsilon": 0.0625, "lr": 1.0, **options})
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


# -- published figures -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statistic", "steps"),
    [
        ("mean_square", [0.3651, 0.7303, 1.0954, 1.4606]),  # measured on FBGEMM and TorchRec
        ("sum_square", [0.1826, 0.3651, 0.5477, 0.7303]),
        ("max_square", [0.25, 0.5, 0.75, 1.0]),
        ("square_of_mean", [0.4, 0.8, 1.2, 1.6]),  # TorchRec 2022-06 to 2024-05
    ],
)
def test_first_step_by_statistic(statistic: str, steps: list[float]) -> None:
    """The gradient [1, 2, 3, 4] at lr 1."""
    moved = -one_batch(RowWise(lr=1.0, statistic=statistic), [1.0, 2.0, 3.0, 4.0])
    assert moved == pytest.approx(steps, abs=5.1e-5)


def test_square_of_the_mean_takes_far_larger_steps() -> None:
    """64 standard normal numbers, 13.7 times the step."""
    g = [list(np.random.default_rng(0).standard_normal(64))]
    right, wrong = path(RowWise(), g), path(RowWise(statistic="square_of_mean"), g)
    assert wrong[0] / right[0] == pytest.approx(13.7, abs=0.05)


def test_uniform_rows_are_blind_to_the_statistic() -> None:
    """Which is why TorchRec's tests, all on uniform rows, missed the square of the mean."""
    uniform = [[0.5] * 4, [-2.0] * 4]
    expected = path(RowWise(), uniform)
    assert (path(RowWise(statistic="square_of_mean"), uniform) == expected).all()
    assert (path(RowWise(statistic="max_square"), uniform) == expected).all()
    assert (path(RowWise(statistic="sum_square"), uniform) != expected).any()


@pytest.mark.parametrize(
    ("duplicates", "moved"),
    [("sum", 1.0), ("sequential", 1 + 1 / math.sqrt(2)), ("squares", math.sqrt(2))],
)
def test_duplicates(duplicates: str, moved: float) -> None:
    """[1, 1] at lr 1 moves by 1.0 (measured on torch and FBGEMM), 1.707 or 1.414."""
    rule = RowWise(lr=1.0, epsilon=0.0, duplicates=duplicates)
    assert -one_batch(rule, [1.0], [1.0])[0] == pytest.approx(moved, rel=4e-16)


def test_fbgemm_halves_and_partial_cancellation() -> None:
    """Measured on FBGEMM 1.8.0: [g/2, g/2] equals g, and [g, -g/2] equals g/2."""
    rule, g = (
        RowWise(**RowWise.dialects["fbgemm.EXACT_ROWWISE_ADAGRAD"]),
        np.array([1.0, -3.0, 7.0]),
    )
    assert (one_batch(rule, g / 2, g / 2) == one_batch(rule, g)).all()
    assert (one_batch(rule, g, -g / 2) == one_batch(rule, g / 2)).all()


def test_initial_accumulator() -> None:
    """0 makes the first step lr sign(g); 0.1 makes it lr g / sqrt(g^2 + 0.1)."""
    for g in (1e-4, -0.3, 80.0):
        assert -path(RowWise(lr=1.0), [[g]])[0, 0] == pytest.approx(math.copysign(1, g), rel=2e-6)
        tenth = RowWise(lr=1.0, epsilon=0.0, initial_accumulator=0.1)
        assert -path(tenth, [[g]])[0, 0] == pytest.approx(g / math.sqrt(g * g + 0.1), rel=1e-15)


@pytest.mark.parametrize(("place", "moved"), [("outside", 0.5000), ("inside", 0.0316)])
def test_first_step_where_gradient_equals_epsilon(place: str, moved: float) -> None:
    """Measured on FBGEMM 1.8.0: gradient and eps 1e-3, lr 1."""
    rule = RowWise(lr=1.0, epsilon=1e-3, epsilon_place=place)
    assert -path(rule, [[1e-3]])[0, 0] == pytest.approx(moved, abs=5e-5)


def test_all_ones_gradients_make_it_counter_sgd() -> None:
    """With all-ones gradients the two rules are one."""
    ones = [[1.0, 1.0]] * 8
    counter = rules["cf_sgd"](lr=0.1, **rules["cf_sgd"].dialects["fbgemm.COUNTER_SGD"])
    row_wise = RowWise(lr=0.1, **RowWise.dialects["fbgemm.EXACT_ROWWISE_ADAGRAD"])
    # equal up to the order of the rounding: (lr / den) g there, lr (g / den) here
    assert path(row_wise, ones) == pytest.approx(path(counter, ones), rel=4e-16)
    other = [[1.0, 2.0], [3.0, 1.0]]
    assert path(row_wise, other) != pytest.approx(path(counter, other), rel=1e-2)


def test_weighted_law_as_in_fbgemm() -> None:
    """q = sqrt(iter + 1) with iter 1 in the first batch: s = q mean(g^2), step q g / cbrt(s)."""
    rule = RowWise(lr=1.0, **RowWise.dialects["fbgemm.EXACT_ROWWISE_WEIGHTED_ADAGRAD"])
    g, q = np.array([1.0, 3.0]), math.sqrt(2)
    assert -path(rule, [list(g)])[0] == pytest.approx(q * g / (5 * q) ** (1 / 3), rel=1e-8)


# -- relations ---------------------------------------------------------------------------------


def test_width_one_is_adagrad() -> None:
    gradients = [[g] for g in (0.3, -2.0, 1e-5, 40.0)]
    for options in ({}, {"law": "mean"}, {"epsilon_place": "inside", "epsilon": 1e-3}):
        by_element = path(rules["adagrad"](**options), gradients)
        assert (path(RowWise(**options), gradients) == by_element).all()


def test_l2_enters_the_accumulator_and_decoupled_does_not() -> None:
    table, decoupled = np.full((1, 2), 2.0), np.full((1, 2), 2.0)
    for w, decay, expected in ((table, "l2", 1.0), (decoupled, "decoupled", 0.0)):
        rule = RowWise(weight_decay=0.5, decay=decay)
        state = rule.init(w)
        rule.step(w, state, np.array([0]), np.zeros((1, 2)))
        assert state["s"][0] == expected


def test_zero_denominator_does_not_move() -> None:
    for place in ("outside", "inside", "inside_guarded", "cube_root"):
        rule = RowWise(epsilon=0.0, epsilon_place=place)
        assert (path(rule, [[0.0, 0.0]], start=[3.0, 1.0]) == [3.0, 1.0]).all()
    guarded = RowWise(epsilon=1.0, epsilon_place="inside_guarded", order="use_first")
    assert (path(guarded, [[5.0, 1.0]], start=[3.0, 1.0]) == [3.0, 1.0]).all()


def test_memory_is_one_number_per_row() -> None:
    assert RowWise().bytes_per_row(64) == 4
    assert RowWise().bytes_per_row(64, itemsize=8) == 8


def test_every_dialect_can_be_built() -> None:
    for options in RowWise.dialects.values():
        assert path(RowWise(**options), [[1.0, 2.0]])[0, 1] < 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"statistic": "square_of_mean", "duplicates": "squares"}, "choose another statistic"),
        ({"statistic": "mean"}, "statistic = 'mean': input should be 'mean_square'"),
        ({"epsilon": -1.0}, "epsilon = -1.0: input should be greater than or equal to 0"),
    ],
)
def test_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        RowWise(**options)
