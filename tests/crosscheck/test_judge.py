"""The report: what passes, what does not, where it first goes wrong, and what was not judged."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from freqopt.crosscheck import exercises, reference
from freqopt.crosscheck.cases.selection import chosen_cases, dtypes_of
from freqopt.crosscheck.judge import answers, judge
from freqopt.errors import CrosscheckError, RuleError
from freqopt.optimizers import rules

BOTH = ("float32", "float64")


def wrong_at_step_9(rule, table, given):
    """Right until step 9, then the first of row 3's occurrences is lost."""
    right, t = reference(rule, table, given), 0

    def step(rows, grads):
        nonlocal t
        t += 1
        lost = np.flatnonzero(rows == 3)[: t == 9]
        return right(np.delete(rows, lost), np.delete(grads, lost, axis=0))

    return step


def test_the_reference_matches_itself():
    report = judge(answers(reference), chosen_cases("adagrad", BOTH), ulps=0)
    assert report.matches
    assert {j.comparison.ulps for j in report.judgements} == {0}
    assert str(report) == (
        f"{len(report.judgements)} of {len(report.judgements)} cases match; "
        "the worst distance is 0 ULP"
    )


def test_the_block_says_where_and_shows_what_is_around(monkeypatch):
    unknown = SimpleNamespace(cause="", meanings=())
    monkeypatch.setattr("freqopt.crosscheck.report.identify", lambda _seen, **_: unknown)
    report = judge(answers(wrong_at_step_9), chosen_cases("sgd", ["float64"], {"lr": 0.5}))
    assert not report.matches
    main = report.having("FAIL")[0]
    lines = main.message.splitlines()
    assert lines[0] == "first divergence in lr = 0.5, main, float64"
    assert lines[1].startswith("  step 9, row 3 (3 times in this batch), column 0: expected ")
    assert lines[2] == "  options: lr = 0.5"
    assert lines[3] == "  after step 9 rows 3 differ, rows 0, 1, 2, 4, 5, 6 have equal bits"
    words = [line.split() for line in lines[5:]]
    assert words[0] == ["column", "0", "column", "1", "column", "2"]
    first = main.comparison.first
    gradients = [float(line[2]) for line in words if line[0] == "gradient"]
    before, expected, got = (
        float(next(line for line in words if line[: len(start)] == start)[len(start)])
        for start in (["row", "3", "before"], ["row", "3", "expected"], ["got"])
    )
    assert len(gradients) == 3
    assert expected == pytest.approx(first.expected, rel=1e-8)
    assert got == pytest.approx(first.got, rel=1e-8)
    assert expected == pytest.approx(before - 0.5 * sum(gradients), rel=1e-7)
    assert got == pytest.approx(before - 0.5 * sum(gradients[1:]), rel=1e-7)
    neighbours = [line[:4] for line in words if "as" in line]
    assert neighbours == [["row", "2", "as", "expected"], ["row", "4", "as", "expected"]]
    assert main.message in str(report)


def averaged(rule, table, given):
    """Duplicates are averaged, whatever was asked."""
    return reference(rule.model_copy(update={"duplicates": "mean"}), table, given)


def test_the_fingerprint_names_what_was_done_instead():
    report = judge(answers(averaged), chosen_cases("adagrad", ["float32"], {"lr": 0.05}))
    assert "duplicates = mean, asked was sum" in str(report)
    told = report.to_dict()
    assert told["fingerprint"] == str(report.fingerprint)
    assert told["matches"] is False
    json.dumps(told)
    right = judge(answers(reference), chosen_cases("adagrad", ["float32"], {"lr": 0.05}))
    assert right.fingerprint is None
    assert right.to_dict()["fingerprint"] is None


def test_the_fingerprint_is_taken_from_all_cases_alike_in_the_wider_dtype(monkeypatch):
    taken = []
    name = "freqopt.crosscheck.report.identify"
    found = SimpleNamespace(cause="some")
    monkeypatch.setattr(name, lambda seen, **_: taken.extend(seen) or found)
    report = judge(answers(averaged), chosen_cases("sgd", BOTH))
    assert report.fingerprint is found  # what the stand-in returns
    first = report.clearest.case
    assert [case.exercise.name for case, _ in taken] == list(exercises("float64"))
    assert all(case.rule == first.rule for case, _ in taken)
    assert {str(tables.dtype) for _, tables in taken} == {"float64"}


def test_the_tolerance_is_the_callers_or_the_kits():
    def nearly(rule, table, given):
        right = reference(rule, table, given)
        return lambda rows, grads: np.nextafter(right(rows, grads), np.float64(9))

    on = chosen_cases("sgd", ["float64"], {"lr": 0.5})
    assert judge(answers(nearly), on).matches
    assert not judge(answers(nearly), on, ulps=0).matches
    assert judge(answers(nearly), on, ulps=1).matches


@pytest.mark.parametrize("ulps", [float("nan"), -1.0])
def test_a_tolerance_that_is_none_is_refused(ulps):
    with pytest.raises(CrosscheckError, match=f"a tolerance of {ulps} ULP; expected"):
        judge(answers(reference), chosen_cases("sgd", ["float64"], {"lr": 0.5}), ulps)


class Attached:
    """A table that only another library can read."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("detach it first")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (Attached, "failed at reading the table of step 1: RuntimeError: detach it"),
        (lambda: [[1.0, 2.0], [3.0]], "failed at reading the table of step 1: ValueError"),
        (lambda: None, "step 1 returned None, expected the whole table"),
        (lambda: sys.exit(3), "failed at step 1: SystemExit: 3"),
    ],
)
def test_what_is_no_table_is_an_error_of_its_case(returned, message):
    on = chosen_cases("sgd", ["float64"], {"lr": 0.5})
    report = judge(answers(lambda rule, table, given: lambda rows, grads: returned()), on)
    assert len(report.having("ERROR")) == len(on)
    assert message in report.having("ERROR")[0].message


def test_refusals_and_errors_are_counted_apart():
    def partly(rule, table, given):
        if rule.clip:
            raise NotImplementedError("no clipping")
        if rule.weight_decay:
            raise KeyError("weight_decay")
        return reference(rule, table, given)

    report = judge(answers(partly), chosen_cases("adam", BOTH))
    count = {v: len(report.having(v)) for v in ("PASS", "FAIL", "ERROR", "NONE")}
    assert min(count["PASS"], count["ERROR"], count["NONE"]) > 5
    assert count["FAIL"] == 0
    assert not report.matches
    text = str(report)
    assert f"{count['NONE']} cases not supported, so not judged:\n  no clipping" in text
    assert f"and {count['ERROR'] - 1} more cases\n" in text
    assert text.count("KeyError: 'weight_decay'") == 1
    assert f"... and {count['ERROR'] - 8} more\n" in text
    told = json.loads(json.dumps(report.to_dict()))
    assert [case["verdict"] for case in told["cases"]].count("ERROR") == count["ERROR"]


def test_a_case_as_json_holds_the_first_divergence():
    report = judge(answers(wrong_at_step_9), chosen_cases("sgd", ["float64"], {"lr": 0.5}))
    first = json.loads(json.dumps(report.judgements[0].to_dict()))
    assert (first["verdict"], first["first_divergence"]["step"]) == ("FAIL", 9)
    assert first["worst_ulps"] >= first["first_divergence"]["ulps"] > 1e6


def test_nothing_judged_is_an_error():
    def refuses(rule, table, given):
        raise NotImplementedError("not today")

    with pytest.raises(CrosscheckError, match=r"(?s)nothing could be judged.*not today"):
        judge(answers(refuses), chosen_cases("sgd", BOTH))


@pytest.mark.parametrize("name", list(rules))
def test_every_option_is_judged_alone_where_it_can_stand_alone(name):
    found = chosen_cases(name, ["float64"])
    assert len({case.name for case in found}) == len(found)
    alone = [case for case in found if " alone, " in case.name]
    assert len(alone) > 20
    for case in alone:
        off = {
            key
            for key, field in type(case.rule).model_fields.items()
            if getattr(case.rule, key) != field.default
        }
        known = {"horizon", "smoothness", "batch", "seed", "run"}  # what any run fills in
        assert off - known - {"lr"} <= {case.name.partition(" = ")[0]}
        assert "lr" in off


def test_cases_that_are_chosen():
    own = chosen_cases("sgd", ["float32"], {"lr": 0.25, "momentum": 0.5})
    assert {case.exercise.name for case in own} == set(exercises("float32"))
    assert all((case.rule.lr, case.rule.momentum) == (0.25, 0.5) for case in own)
    assert {str(case.exercise.table.dtype) for case in own} == {"float32"}
    with pytest.raises(RuleError, match="did you mean 'momentum'"):
        chosen_cases("sgd", BOTH, {"momentun": 0.5})
    for wrong in ("float16", "int64", "broad", 3):
        with pytest.raises(CrosscheckError, match=f"{wrong!r}, expected"):
            dtypes_of(wrong)
    assert dtypes_of(np.float32) == dtypes_of(np.dtype("f4")) == ("float32",)
    assert dtypes_of("both") == BOTH
