"""FA-SGD and CF-SGD: the rates of the theory, and the figures measured on FBGEMM's COUNTER_SGD."""

from __future__ import annotations

from functools import partial

import mpmath
import numpy as np
import pytest

from freqopt.backends.numba import step as compiled_step
from freqopt.errors import BatchError, RuleError
from freqopt.optimizers import rules

FASGD, CFSGD, SGD = rules["fa_sgd"], rules["cf_sgd"], rules["sgd"]


def _moves(rule, visits, *, size=1, **given) -> list[float]:
    """How far row 0 moves at each of the (rows, gradient) visits, from zero."""
    table = np.zeros((size, 1))
    state = rule.init(table, **given)
    moves = []
    for rows, gradient in visits:
        before = table[0, 0]
        rule.step(table, state, np.array(rows, np.int64), np.full((len(rows), 1), gradient))
        moves.append(float(before - table[0, 0]))
    return moves


COUNTER = {"lr": 1.0, "form": "anytime", "cap": "none", "epsilon": 1e-8}


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, [1, 1.4142, 1.7321, 2, 2.2361, 2.4495]),
        ({"counter": "presence"}, [1, 2, 3, 4, 5, 6]),
        (
            {"counter": "decayed", "halflife": 10},
            [1, 1.4385, 1.7917, 2.1036, 2.3908, 2.6619],
        ),
    ],
)
@pytest.mark.parametrize("copies", [1, 2])
def test_counter_sgd_as_measured_on_fbgemm(options, steps, copies) -> None:
    # Gradient t at step t; with the id twice in the batch each occurrence carries half of it.
    visits = [([0] * copies, t / copies) for t in range(1, 7)]
    np.testing.assert_allclose(_moves(CFSGD(**COUNTER, **options), visits), steps, atol=5e-5)


def test_the_count_is_scaled_under_the_root() -> None:
    moves = _moves(CFSGD(**COUNTER, scale=4.0), [([0], 1.0)] * 2)
    np.testing.assert_allclose(moves, [4**-0.5, 8**-0.5], rtol=1e-7)


def test_decayed_counter_fades_over_the_gap() -> None:
    rule = CFSGD(**COUNTER, counter="decayed", halflife=10)
    visits = [([0] if t in (1, 4, 8) else [1], 1.0) for t in range(1, 9)]
    moves = _moves(rule, visits, size=2)
    np.testing.assert_allclose([moves[0], moves[3], moves[7]], [1.0, 0.7428, 0.6491], atol=5e-5)


def test_occurrences_count_when_the_unit_says_so() -> None:
    visits = [([0, 0, 0], 1 / 3)] * 3
    moves = _moves(CFSGD(**COUNTER, unit="occurrence"), visits)
    np.testing.assert_allclose(moves, [3**-0.5, 6**-0.5, 9**-0.5], rtol=1e-7)


@pytest.mark.parametrize("p", [1.0, 0.3, 1e-4])
@pytest.mark.parametrize("batch", [1, 8])
def test_fa_rate_is_6_1_and_6_5(p: float, batch: int) -> None:
    rule = FASGD(lr=0.2, horizon=1000, smoothness=1.7, batch=batch)
    (move,) = _moves(rule, [([0], 1.0)], frequency=np.array([p]))
    alpha, t = mpmath.mpf(0.2), 1000
    exact = min(1 / (4 * mpmath.mpf(1.7)), alpha * mpmath.sqrt(batch / (t * mpmath.mpf(p))))
    assert move == pytest.approx(float(exact), rel=4e-16)


def test_fa_caps() -> None:
    tail = {"frequency": np.array([1e-9])}
    four_l = 4 * 2.0
    safe = FASGD(lr=1.0, horizon=10, smoothness=2.0, batch=8)
    assert _moves(safe, [([0], 1.0)], **tail) == [1 / four_l]
    wide = FASGD(lr=1.0, horizon=10, smoothness=2.0, batch=8, cap="frequency")
    assert _moves(wide, [([0], 1.0)], **tail) == [1 / (four_l * (1e-9 + 1 / 8))]  # (6.4)
    free = FASGD(lr=1.0, horizon=10, cap="none")
    assert _moves(free, [([0], 1.0)], **tail)[0] == pytest.approx(1e8**0.5, rel=1e-15)


@pytest.mark.parametrize("form", ["step", "slow_step"])
@pytest.mark.parametrize("batch", [1, 4])
def test_a_token_expected_less_than_once_moves_as_if_expected_once(batch: int, form: str) -> None:
    """FA-15-SHARP (d): alpha B min{1, 1/sqrt(T B p)}, whatever the smoothness."""
    rule = FASGD(lr=0.5, horizon=100, batch=batch, cap="visit", smoothness=10.0)
    visits = np.array([0.01, 0.99, 1.0, 4.0])
    table = np.zeros((4, 1))
    state = rule.init(table, frequency=visits / (100 * batch))
    getattr(rule, form)(table, state, np.arange(4), -np.ones((4, 1)))
    np.testing.assert_allclose(table[:, 0], 0.5 * batch * np.minimum(1, visits**-0.5), rtol=1e-15)


def test_counters_are_capped_at_one_visit_by_themselves() -> None:
    """T c/t >= c >= 1 where the present visit is counted: no step of CF-SGD exceeds alpha."""
    for form in ("anytime", "horizon"):
        rule = CFSGD(lr=0.5, form=form, horizon=50, cap="none")
        late = [([1], 1.0)] * 30 + [([0], 1.0)] * 20  # row 0 comes first at step 31
        moves = _moves(rule, late, size=2)[30:]
        assert max(moves) <= 0.5
        assert moves[0] == pytest.approx(0.5 * (1 if form == "anytime" else (31 / 50) ** 0.5))


@pytest.mark.parametrize(("q", "factor"), [(0.0, 1.0), (0.5, 2.0), (0.25, 2**0.5), (1.0, 4.0)])
def test_fa_exponent(q: float, factor: float) -> None:
    rule = FASGD(lr=0.5, form="recipe", cap="none", exponent=q)
    (move,) = _moves(rule, [([0], 1.0)], frequency=np.array([0.25]))
    assert move == pytest.approx(0.5 * factor, rel=4e-16)


def test_uniform_frequencies_make_fa_sgd_sgd() -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(6, 3))
    rule = FASGD(lr=0.3, form="recipe", cap="none")
    a, b = start.copy(), start.copy()
    plain = SGD(lr=0.3 / np.sqrt(0.25))
    state, other = rule.init(a, frequency=np.full(6, 0.25)), plain.init(b)
    for _ in range(5):
        rows, grads = rng.integers(0, 6, 4), rng.normal(size=(4, 3))
        rule.step(a, state, rows, grads)
        plain.step(b, other, rows, grads)
    np.testing.assert_array_equal(a, b)


def test_cf_horizon_form_is_fa_with_the_counted_frequency() -> None:
    # A row seen at t = 2, 3, 7 has p^ = 1/2, 2/3, 3/7 at its visits: (6.2).
    rule = CFSGD(lr=0.2, horizon=100, smoothness=1.0)
    visits = [([0] if t in (2, 3, 7) else [1], 1.0) for t in range(1, 8)]
    moves = _moves(rule, visits, size=2)
    for t, p in ((2, 1 / 2), (3, 2 / 3), (7, 3 / 7)):
        assert moves[t - 1] == pytest.approx(0.2 / (100 * p) ** 0.5, rel=1e-15)
    assert moves[0] == moves[3] == 0


def test_cf_minibatch_counts_earlier_batches_plus_one() -> None:
    # (6.6): p^ = (C + 1) / ((t - 1) B + 1), C the samples with the row in earlier batches.
    rule = CFSGD(lr=0.2, horizon=100, smoothness=1.0, batch=4, unit="occurrence", current="one")
    moves = _moves(rule, [([0, 0, 1, 1], 1.0), ([0, 1, 1, 1], 1.0), ([0, 0, 0, 1], 1.0)], size=2)
    for t, earlier, times in ((1, 0, 2), (2, 2, 1), (3, 3, 3)):
        p = (earlier + 1) / ((t - 1) * 4 + 1)
        rate = min(0.25, 0.2 * (4 / (100 * p)) ** 0.5)
        assert moves[t - 1] == pytest.approx(times * rate, rel=1e-15)


def test_excluding_the_present_visit_starts_at_the_cap() -> None:
    rule = CFSGD(lr=0.2, horizon=100, smoothness=0.5, current="excluded")
    assert _moves(rule, [([0], 1.0)]) == [1 / (4 * 0.5)]


def test_ones_make_counter_sgd_and_adagrad_the_same() -> None:
    # Squares of ones are counts: only other gradients tell the two rules apart.
    counter = CFSGD(lr=0.1, form="anytime", cap="none")
    adagrad = rules["adagrad"](lr=0.1, epsilon=0)
    same = [([0], 1.0)] * 6
    assert _moves(counter, same) == _moves(adagrad, same)
    other = [([0], float(t)) for t in range(1, 4)]
    assert _moves(counter, other) != _moves(adagrad, other)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: FASGD(smoothness=1).init(np.ones((2, 1))), RuleError, "needs horizon"),
        (lambda: FASGD(horizon=9).init(np.ones((2, 1))), RuleError, "needs smoothness"),
        (lambda: CFSGD(smoothness=1).init(np.ones((2, 1))), RuleError, "needs horizon"),
        (lambda: CFSGD(horizon=9).init(np.ones((2, 1))), RuleError, "needs smoothness"),
        (lambda: CFSGD(counter="decayed"), RuleError, "half-life belongs"),
        (lambda: CFSGD(halflife=3), RuleError, "half-life belongs"),
        (lambda: CFSGD(current="excluded", cap="none"), RuleError, "first visit"),
        (lambda: FASGD(form="recipe", cap="visit"), RuleError, "how many visits"),
        (lambda: FASGD(lr=-0.1), RuleError, "greater than 0"),
        (lambda: FASGD(alpha=0.1), RuleError, "unknown key 'alpha'"),
        (
            lambda: FASGD(horizon=9, smoothness=1).init(np.ones((2, 1))),
            BatchError,
            "needs 'frequency'",
        ),
        (
            lambda: FASGD(horizon=9, smoothness=1).init(np.ones((2, 1)), frequency=np.ones(3)),
            BatchError,
            "has shape \\(3,\\)",
        ),
        (
            lambda: FASGD(horizon=9, smoothness=1).init(
                np.ones((2, 1)), frequency=np.array([0.5, np.nan])
            ),
            BatchError,
            "row 1 is nan",
        ),
    ],
)
def test_bad_input_is_one_clear_error(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_row_of_frequency_zero_stays_and_is_refused_when_it_comes() -> None:
    rule = FASGD(horizon=9, cap="none", rows="all", weight_decay=0.1)
    table = np.ones((2, 1))
    state = rule.init(table, frequency=np.array([0.0, 0.5]))
    rule.step(table, state, np.array([1]), np.ones((1, 1)))
    assert table[0, 0] == 1
    before = table.copy()
    with pytest.raises(BatchError, match="row 0 came, and its given frequency is 0"):
        rule.step(table, state, np.array([1, 0]), np.ones((2, 1)))
    np.testing.assert_array_equal(table, before)
    assert int(state["t"]) == 1


@pytest.mark.parametrize("before", [2**24 - 1, 2**24, 2**31 - 1, 2**31, 2**53 - 2])
def test_a_count_goes_on_for_as_long_as_its_type(before):
    """A count kept in float32, int32 or with a cap stops at one of these; the rate would too."""
    rule = CFSGD(lr=3.0, form="anytime", cap="none")
    for step in (rule.step, partial(compiled_step, rule)):
        table = np.zeros((2, 1))
        state = rule.init(table)
        state["c"][:] = before
        step(table, state, np.array([1]), np.array([[1.0]]))
        assert list(state["c"]) == [before, before + 1]
        assert table[1, 0] == -3.0 / np.sqrt(float(before + 1))
