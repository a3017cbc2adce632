"""The exercises hold every piece that they promise, and the comparison measures what it says."""

from __future__ import annotations

import math
import typing

import numpy as np
import pytest

from freqopt.crosscheck import cases, compare, exercises, reference, slow_reference, trace
from freqopt.errors import CrosscheckError, RuleError, UnsupportedError
from freqopt.optimizers import rules

DTYPES = (np.float32, np.float64)


@pytest.mark.parametrize("name", list(exercises(np.float64)))
def test_both_dtypes_hold_the_same_numbers_with_8_significant_bits(name):
    narrow, wide = (exercises(dtype)[name] for dtype in DTYPES)
    for (rows32, grads32), (rows64, grads64) in zip(narrow.batches, wide.batches, strict=True):
        np.testing.assert_array_equal(rows32, rows64)
        np.testing.assert_array_equal(grads32, grads64)
        mantissa, _ = np.frexp(grads64)
        assert (mantissa * 256 == np.round(mantissa * 256)).all()
    np.testing.assert_array_equal(narrow.table, wide.table)


@pytest.mark.parametrize("name", list(exercises(np.float64)))
def test_sums_of_occurrences_and_squares_are_exact_in_float32(name):
    exercise = exercises(np.float32)[name]
    for rows, grads in exercise.batches:
        for row in set(rows.tolist()):
            here = grads[rows == row]
            exact = [math.fsum(column) for column in here.T.astype(float)]
            assert here.sum(axis=0).tolist() == exact
            assert here[::-1].sum(axis=0).tolist() == exact


def test_the_main_exercise_holds_its_pieces():
    exercise = exercises(np.float64)["main"]
    batches = exercise.batches
    first = {row: min(t for t, (r, _) in enumerate(batches, 1) if row in r) for row in range(5)}
    touched = np.concatenate([rows for rows, _ in batches])
    assert len(batches) >= 12
    assert set(touched) == {0, 1, 2, 3, 4, 6}  # row 5 never, first and last row do
    assert first[3] >= 8
    assert sum(rows.size == 0 for rows, _ in batches) == 2
    assert sum(rows.size == 1 for rows, _ in batches) == 2
    counts = [np.unique(rows, return_counts=True)[1] for rows, _ in batches]
    assert all(count.max() >= 2 for count in counts if count.sum() > 1)
    assert any({1, 2, 3} <= set(count.tolist()) for count in counts)
    totals = [grads[rows == row] for rows, grads in batches for row in set(rows.tolist())]
    assert sum(not g.any() for g in totals) == 2  # zero gradients
    assert sum(g.any() and not g.sum(axis=0).any() for g in totals) == 2  # cancelling ones
    sizes = np.abs(np.concatenate([grads for _, grads in batches]))
    assert sizes[sizes > 0].min() < 1e-8
    assert sizes.max() > 50
    assert all(len(set(np.abs(g).tolist())) > 1 for _, grads in batches for g in grads if g.any())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", list(rules))
def test_the_two_references_agree_on_every_case(name, dtype):
    found = cases(name, dtype)
    assert len({case.name for case in found}) == len(found)
    for case in found:
        assert compare(case, trace(reference, case), trace(slow_reference, case)).ulps == 0


@pytest.mark.parametrize("name", list(rules))
def test_every_option_leaves_its_default_in_some_case(name):
    rule = rules[name]
    left = {
        key
        for case in cases(name)
        for key, field in rule.model_fields.items()
        if getattr(case.rule, key) != field.default
    }
    for key in set(rule.model_fields) - left - {"nonfinite"}:
        choices = typing.get_args(rule.model_fields[key].annotation)
        assert choices, f"{key} is a number and stays at its default"
        for choice in choices[1:]:  # refused by itself, and beside every other option
            with pytest.raises(RuleError):
                rule(**{key: choice})


def test_a_difference_is_found_where_it_is():
    case = cases("adagrad")[0]
    expected = trace(reference, case)
    got = expected.copy()
    got[3, 2, 1] = np.nextafter(got[3, 2, 1], np.inf)
    got[4, 0, 0] += 1
    result = compare(case, expected, got)
    assert (result.first.step, result.first.row, result.first.column) == (3, 2, 1)
    assert result.first.occurrences == 1
    assert 0 < result.first.ulps <= 1
    assert result.ulps > 1e10
    assert compare(case, expected, got, tolerance=2).first.step == 4
    assert "row 2 (once in this batch), column 1" in str(result.first)


def test_what_is_not_finite_is_infinitely_far_unless_it_is_the_same():
    case = cases("sgd")[0]
    expected = trace(reference, case)
    got = expected.copy()
    got[5, 1, 0] = np.nan
    assert compare(case, expected, got, tolerance=1e300).ulps == math.inf
    assert compare(case, got, got.copy()).ulps == 0


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (lambda table: table[:2], r"float64 of shape \(2, 4\), expected the whole table"),
        (lambda table: table.astype(np.float32), "returned float32"),
        (lambda table: None, "returned None, expected the whole table"),
        (lambda table: 1 / 0, "failed at step 1: ZeroDivisionError"),
    ],
)
def test_an_implementation_out_of_form_gets_one_clear_error(after, message):
    def broken(rule, table, given):
        return lambda rows, grads: after(table)

    with pytest.raises(CrosscheckError, match=message):
        trace(broken, cases("sgd")[0])


def test_an_implementation_may_say_that_it_has_no_such_option():
    def plain(rule, table, given):
        raise NotImplementedError("no weight decay")

    with pytest.raises(UnsupportedError, match="no weight decay"):
        trace(plain, cases("sgd")[0])
