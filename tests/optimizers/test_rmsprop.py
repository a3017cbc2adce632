"""RMSprop against closed forms (mpmath), published figures and Adam."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from freqopt.errors import RuleError
from freqopt.optimizers import Rule, rules

RMSprop = rules["rmsprop"]


def path(rule: Rule, gradients: list[Any], start: list[float] | None = None) -> np.ndarray:
    """Positions of one row after each batch; None stands for an empty batch."""
    table = np.array([start or [0.0]])
    state = rule.init(table)
    positions = []
    for g in gradients:
        given = np.zeros((0, table.shape[1])) if g is None else np.array([g])
        rule.step(table, state, np.zeros(len(given), np.int64), given)
        positions.append(table[0].copy())
    return np.array(positions)


def closed_form(rule: Any, start: list[float], gradients: list[Any]) -> list[mpf]:
    """The row after all batches from sums over the whole history, at 50 digits; no recursion."""
    mpmath.mp.dps = 50
    rho, mu, eps = mpf(rule.rho), mpf(rule.momentum), mpf(rule.epsilon)
    decay = mpf(rule.weight_decay)
    final = []
    for j, w in enumerate(start):
        w, seen, entered = mpf(w), [], []
        for t, given in enumerate(gradients, 1):
            if given is None and rule.rows != "all":
                continue
            lr = mpf(rule.lr) / (1 + (t - 1) * mpf(rule.lr_decay))
            g = mpf(0) if given is None else mpf(given[j])
            g, w = (g + decay * w, w) if rule.decay == "l2" else (g, w * (1 - lr * decay))
            seen.append(g)
            n = len(seen)
            weights = [(1 - rho) * rho ** (n - 1 - i) for i in range(n)]
            square = sum(a * x * x for a, x in zip(weights, seen, strict=True))
            square += rho**n * mpf(rule.initial_scale)
            mean = sum(a * x for a, x in zip(weights, seen, strict=True))
            c = 1 - rho**t if rule.bias_correction else mpf(1)
            u = square / c - (mean / c) ** 2 if rule.centered else square / c
            root = mpmath.sqrt(u + eps) if rule.epsilon_place == "inside" else mpmath.sqrt(u) + eps
            inside = rule.rate_place == "inside"
            entered.append(g / root * (lr if inside else 1))
            buffer = sum(mu ** (n - 1 - i) * x for i, x in enumerate(entered))
            move = entered[-1] + mu * buffer if rule.nesterov else buffer
            w -= move if inside else lr * move
        final.append(w)
    return final


OPTIONS = [
    {},
    {"epsilon_place": "inside"},
    {"rows": "all", "momentum": 0.5},
    {"centered": True},
    {"centered": True, "bias_correction": True, "epsilon_place": "inside"},
    {"bias_correction": True},
    {"initial_scale": 1.0},
    {"momentum": 0.5, "lr_decay": 0.5},
    {"momentum": 0.5, "lr_decay": 0.5, "rate_place": "inside"},
    {"momentum": 0.5, "lr_decay": 0.5, "nesterov": True},
    {"momentum": 0.5, "lr_decay": 0.5, "nesterov": True, "rate_place": "inside"},
    {"weight_decay": 0.25},
    {"weight_decay": 0.25, "decay": "decoupled", "lr_decay": 0.5},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_closed_form(options: dict[str, Any]) -> None:
    """Five batches, one without the row. The tolerance is 9 ULP of a number near 1."""
    rule = RMSprop(**{"lr": 0.125, "rho": 0.75, "epsilon": 0.0625, **options})
    gradients, start = [[0.5, -2.0], [1.5, 0.25], None, [-0.75, 3.0], [0.125, 1.0]], [1.0, -1.0]
    got, expected = path(rule, gradients, start)[-1], closed_form(rule, start, gradients)
    for j in range(2):
        assert abs(mpf(got[j]) - expected[j]) <= 2e-15


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", OPTIONS)
def test_references_agree(options: dict[str, Any], dtype: type) -> None:
    """Bit for bit; steps of about 1 from 0, so that the last bit of a step is not rounded away."""
    made = RMSprop(**{"epsilon": 0.0625, "lr": 1.0, **options})
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


def dialect(name: str, **options: Any) -> Rule:
    return RMSprop(lr=0.1, **{**RMSprop.dialects[name], **options})


def gap(a: Rule, b: Rule) -> float:
    """Largest distance of two trajectories over the largest position of the second."""
    gradients = [[g] for g in np.random.default_rng(0).standard_normal(20)]
    first, second = path(a, gradients), path(b, gradients)
    return float(np.abs(first - second).max() / np.abs(second).max())


def test_gaps_between_libraries() -> None:
    """Measured: optax 0.2.8 and torch 2.13, 20 standard normal gradients."""
    torch = dialect("torch.RMSprop")
    assert gap(dialect("optax.rmsprop"), torch) == pytest.approx(0.676, abs=5e-4)
    assert gap(dialect("optax.rmsprop", rho=0.99), torch) == pytest.approx(1.2e-5, abs=5e-7)
    assert gap(dialect("optax.rmsprop", rho=0.99, epsilon_place="outside"), torch) <= 1.3e-16


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("torch.RMSprop", 1.000),
        ("optax.rmsprop", 0.316),
        ("keras.RMSprop", 0.316),
        ("timm.RMSpropTF", 0.100),  # v starts at 1 and a unit gradient leaves it there
    ],
)
def test_first_step(name: str, step: float) -> None:
    """A step of 0.1 over sqrt(1 - rho), unless v does not start at 0."""
    assert -path(dialect(name), [[1.0]])[0, 0] == pytest.approx(step, abs=5e-4)


def test_bias_correction_makes_the_first_step_lr() -> None:
    for g in (1e-3, -40.0):
        rule = RMSprop(lr=1.0, epsilon=0.0, bias_correction=True)
        assert -path(rule, [[g]])[0, 0] == pytest.approx(math.copysign(1, g), rel=1e-13)


def test_rate_inside_the_buffer_keeps_the_old_rate() -> None:
    """After the rate fell by 10 at mu = .9, the next step is 9.1 times as long."""
    steps = {}
    for place, options in (("inside", {"rate_place": "inside"}), ("outside", {})):
        rule = RMSprop(lr=1.0, rho=0.0, epsilon=0.0, momentum=0.9, **options)
        table = np.zeros((1, 1))
        state = rule.init(table)
        for t in range(301):  # 0.9^300 = 2e-14: the buffer has settled
            before = table.copy()
            used = rule.model_copy(update={"lr": 0.1}) if t == 300 else rule
            used.step(table, state, np.array([0]), np.ones((1, 1)))
        steps[place] = float(before[0, 0] - table[0, 0])
    assert steps["outside"] == pytest.approx(1.0, rel=1e-11)
    assert steps["inside"] == pytest.approx(9.1, rel=1e-11)


def test_without_momentum_of_m_adam_is_rmsprop() -> None:
    """beta1 = 0: one trajectory up to the order (lr g) / den against lr (g / den)."""
    rng = np.random.default_rng(1)
    gradients = [
        [g * 10.0**e] for g, e in zip(rng.normal(size=30), rng.integers(-6, 3, 30), strict=True)
    ]
    for rows in ("all", "touched"):
        common = {"lr": 0.1, "rows": rows, "epsilon": 1e-6, "epsilon_place": "inside"}
        rms = RMSprop(rho=0.99, bias_correction=True, **common)
        adam = rules["adam"](beta1=0.0, beta2=0.99, **common)
        assert path(rms, gradients) == pytest.approx(path(adam, gradients), rel=1e-14)


def test_absent_row_keeps_its_second_moment() -> None:
    touched, dense = RMSprop(lr=1.0, rho=0.5), RMSprop(lr=1.0, rho=0.5, rows="all")
    gradients = [[1.0], None, None, [1.0]]
    lazy = np.diff(path(touched, gradients)[:, 0])
    full = np.diff(path(dense, gradients)[:, 0])
    assert -lazy[-1] == pytest.approx(1 / math.sqrt(0.75), rel=1e-7)  # 1/4 + 1/2
    assert -full[-1] == pytest.approx(1 / math.sqrt(0.5625), rel=1e-7)  # 1/16 + 1/2
    assert lazy[0] == full[0] == 0  # no momentum, so no gradient means no move


def test_centered_never_takes_the_root_of_a_negative_number() -> None:
    """rho 0 makes v = a^2 exactly; summed squares of duplicates can even be less than a^2."""
    rule = RMSprop(lr=1.0, rho=0.0, centered=True, epsilon=0.5, duplicates="squares")
    table = np.zeros((1, 1))
    state = rule.init(table)
    rule.step(table, state, np.zeros(2, np.int64), np.ones((2, 1)))  # v = 2, a^2 = 4
    assert table[0, 0] == -2 / 0.5


def test_zero_denominator_does_not_move() -> None:
    for options in ({}, {"centered": True}, {"momentum": 0.9}, {"epsilon_place": "inside"}):
        rule = RMSprop(epsilon=0.0, rows="all", **options)
        assert (path(rule, [[0.0], None], start=[3.0]) == 3.0).all()


@pytest.mark.parametrize(
    ("options", "bytes_in_float32"),
    [({}, 64), ({"centered": True}, 128), ({"centered": True, "momentum": 0.9}, 192)],
)
def test_memory(options: dict[str, Any], bytes_in_float32: int) -> None:
    assert RMSprop(**options).bytes_per_row(16) == bytes_in_float32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nesterov": True}, "give momentum > 0"),
        ({"rho": 1.0}, "rho = 1.0: input should be less than 1"),
        ({"alpha": 0.9}, "unknown key 'alpha'"),
    ],
)
def test_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        RMSprop(**options)
