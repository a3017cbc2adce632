"""Rows and counts beyond 2^24, gradients that are not finite, and the caller's own arrays."""

from __future__ import annotations

import numpy as np
import pytest

from freqopt.crosscheck import Case, exercises, reference, trace
from freqopt.crosscheck.cases.exercises import nonfinite
from freqopt.crosscheck.judge import judge_implementation
from freqopt.crosscheck.thorough import BEYOND, thorough
from freqopt.optimizers import rules


def sgd(takes=lambda rule, rows, grads: (rows, grads), has=("lr", "nonfinite", "padding_row")):
    """SGD on touched rows, on what `takes` leaves of a batch."""

    def make(rule, table, _given):
        for name, field in type(rule).model_fields.items():
            if name not in has and getattr(rule, name) != field.default:
                raise NotImplementedError(name)

        def step(rows, grads):
            rows, grads = takes(rule, rows, grads)
            np.subtract.at(table, rows, table.dtype.type(rule.lr) * grads)
            return table

        return step

    return make


def finite(rule, rows, grads):
    keep = np.isfinite(grads).all(axis=1) | (rule.nonfinite != "skip")
    keep &= rows != (-1 if rule.padding_row is None else rule.padding_row)
    return rows[keep], grads[keep]


def judged(takes):
    return judge_implementation(sgd(takes), "sgd", ["float64"])


def test_not_finite_and_padding_are_judged():
    report = judged(finite)
    assert report.matches
    assert {"nonfinite", "main"} <= {j.case.exercise.name for j in report.having("PASS")}
    assert {j.case.rule.padding_row for j in report.having("PASS")} == {None, 0, 2}


@pytest.mark.parametrize(
    ("takes", "cause"),
    [
        (
            lambda rule, rows, grads: finite(
                rule, rows, np.where(np.isfinite(grads) | (rule.nonfinite != "skip"), grads, 0)
            ),
            "the entries that are not finite are set to 0, the rest of the occurrence is used",
        ),
        (
            lambda rule, rows, grads: finite(
                rule, rows, grads if np.isfinite(grads).all() or rule.nonfinite != "skip" else
                np.full_like(grads, np.nan)
            ),
            "the whole batch is dropped if one occurrence is not finite",
        ),
        (
            lambda rule, rows, grads: finite(
                rule if rule.padding_row else rule.model_copy(update={"padding_row": None}),
                rows, grads,
            ),
            "padding_row has no effect: None is used whatever is asked, where padding_row = 0",
        ),
    ],
)  # fmt: skip
def test_what_is_dropped_wrongly_is_named(takes, cause):
    report = judged(takes)
    assert not report.matches
    assert cause in report.cause


def test_the_exercise_has_every_kind_of_bad_entry_beside_good_ones():
    case = Case("", rules["sgd"](nonfinite="skip"), nonfinite("float64"))
    values = np.concatenate([grads.ravel() for _, grads in case.exercise.batches])
    assert np.isnan(values).any()
    assert np.isposinf(values).any()
    assert np.isneginf(values).any()
    assert np.isfinite(trace(reference, case)).all()


def test_a_gradient_that_is_written_to_is_seen():
    def takes(rule, rows, grads):
        grads *= 1.0
        grads += 0.0 if grads.size == 0 else 1.0
        return finite(rule, rows, grads - 1.0)

    report = judge_implementation(sgd(takes), "sgd", ["float64"], options={"lr": 0.5}, ulps=1e9)
    assert not report.having("FAIL", "ERROR")
    assert report.cause.startswith("what is handed in is written to: grads")
    assert not report.matches
    assert report.to_dict()["cause"] == report.cause


@pytest.mark.parametrize(
    ("keeps", "said"),
    [
        (lambda rows, grads: (rows, grads), "a gradient and an array of rows"),
        (lambda rows, grads: (rows.copy(), grads), "a gradient"),
        (lambda rows, grads: (rows, grads.copy()), "an array of rows"),
    ],
)
def test_an_array_that_is_kept_is_seen(keeps, said):
    def make(rule, table, given):
        kept = []

        def step(rows, grads):
            kept.append(keeps(rows, grads))
            now = table
            again = reference(rule, start.copy(), given)
            for batch in kept:
                now = again(*batch)
            return now

        start = table.copy()
        return step

    report = judge_implementation(make, "sgd", ["float64"], options={"lr": 0.5})
    assert report.cause.startswith(f"{said} that is handed in is kept, not copied")


def of(rule, **options):
    return Case("", rules[rule](**options), exercises("float32")["main"])


@pytest.mark.parametrize("wrong", [False, True])
def test_rows_beyond_what_float32_tells_apart(wrong):
    def narrow(rule, rows, grads):
        return (rows.astype(np.float32).astype(np.int64) if wrong else rows), grads

    found, missing = thorough(sgd(narrow), of("sgd"))
    (rows,) = found
    assert rows.verdict == ("FAIL" if wrong else "PASS")
    assert rows.cause == wrong * "row numbers beyond 2^24 are not told apart, as in float32"
    assert [what for what, _ in missing] == ["steps beyond 2^24", "occurrences beyond 2^24"]


@pytest.mark.parametrize("wrong", [False, True])
def test_steps_beyond_what_float32_tells_apart(wrong):
    class Own:
        def __init__(self, rule, table, given):
            self.rule, self.table, self.state = rule, table, rule.init(table, **given)

        def __call__(self, rows, grads):
            if wrong:
                self.state["t"][...] = min(self.state["t"], BEYOND - 1)
            self.rule.step(self.table, self.state, rows, grads)
            return self.table

        def save(self):
            return {name: slot.copy() for name, slot in self.state.items()}

        def restore(self, saved):
            self.state = saved

    case = Case("", rules["adam"](), exercises("float64")["main"])
    found, _ = thorough(Own, case)
    (steps,) = found
    assert steps.case.name.startswith("steps beyond 2^24")
    assert steps.verdict == ("FAIL" if wrong else "PASS")


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [False, True])
def test_occurrences_beyond_what_float32_tells_apart(wrong):
    def make(rule, table, given):
        state = rule.init(table, **given)

        def step(rows, grads):
            rule.step(table, state, rows, grads)
            if wrong:
                state["c"][...] = np.minimum(state["c"], BEYOND)
            return table

        return step

    found, _ = thorough(make, Case("", rules["cf_sgd"](horizon=16), exercises("float64")["main"]))
    counts = next(j for j in found if j.case.name.startswith("occurrences"))
    assert counts.verdict == ("FAIL" if wrong else "PASS")
