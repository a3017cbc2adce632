"""docs/agreement.md says what running the guests says."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from freqopt.crosscheck.agreement import QUICK
from freqopt.crosscheck.guests import Guest, Library, guests
from freqopt.report.agreement_page import COLUMNS, HEAD, Row, absent, page, row, rows, table
from freqopt.report.agreement_records import merged, ranges

from .guest_list import EVERY

PAGE = Path(__file__).parents[2] / "docs" / "agreement.md"
RECORDS = json.loads(PAGE.with_suffix(".json").read_text())


def _cells() -> dict[tuple[str, str], list[str]]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]
    return {(line[0], line[3]): line for line in cells}


def test_the_page_has_every_guest_in_every_dtype_and_all_agree():
    cells = _cells()
    programs = [key for key in cells if key[0].startswith("tfjs.")]
    every = [(g.name, dtype) for g in guests.values() for dtype in g.dtypes]
    assert list(cells) == every + programs
    for name, dtype in every:
        line, guest = cells[name, dtype], guests[name]
        named = dict(zip(COLUMNS, line, strict=True))
        options = ", ".join(f"{k} = {v!r}" for k, v in guest.own.items()) or "the defaults"
        assert (named["rule"], named["its dialect"]) == (guest.rule, options)
        assert float(named["ULP"]) <= float(named["allowed"]) == guest.tolerance(dtype)
        assert named["first divergence"] == "none"


def test_the_page_is_of_the_present_guests():
    text = PAGE.read_text()
    assert text.startswith(HEAD)
    for guest in guests.values():
        assert f"* {guest.name}: {', '.join(f'`{option}`' for option in guest.options)}\n" in text
        assert not guest.note or f"* {guest.name}: {guest.note}\n" in text
    assert "Not judged" not in text


@pytest.mark.parametrize(("name", "dtype"), EVERY)
def test_a_row_is_what_running_it_says(name, dtype):
    """All but the distance, which another processor may round otherwise; it stays allowed."""
    made = asdict(row(guests[name], dtype))
    told = next(
        record
        for record in RECORDS
        if all(record[key] == made[key] for key in ("guest", "dtype", "versions"))
    )
    assert made.pop("ulps") <= told["allowed"]
    assert made.items() <= told.items()


def test_a_guest_that_fails_or_differs_says_so_in_its_row():
    def broken(table, arguments):
        raise OSError("no such\nkernel")

    def wrong(table, arguments):
        return lambda rows, grads, rate: table + 1

    here = Library("torch", "freqopt", ("freqopt",))
    guest = Guest("torch.SGD", "sgd", "torch.SGD", here, broken)
    failed = row(guest, "float64", quick=True)
    assert "OSError: no such kernel" in failed.divergence
    assert (failed.cases, failed.ulps) == (0, None)
    assert " - | 1024 | " in str(failed)
    assert not failed.agrees
    differs = row(Guest("torch.SGD", "sgd", "torch.SGD", here, wrong), "float64", quick=True)
    assert differs.divergence.startswith("torch.SGD, default numbers, main: step 1, row 0")
    assert differs.cases == 1 + QUICK


def test_absent_libraries_are_listed_on_a_page_of_their_own(monkeypatch):
    monkeypatch.setattr(Library, "present", property(lambda self: False))
    assert list(rows()) == []
    assert sum(line.count("torch.SparseAdam") for line in absent()) == 1
    assert len(absent()) == len({g.library.absence for g in guests.values()})
    assert "None of the libraries was run" in page([])


ONE = Row("torch.SGD", "sgd", "the defaults", "float32", "2.9.1", 3, 0.5, 8.0, "none")


def test_a_table_is_markdown():
    lines = table([ONE]).splitlines()
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|") == 10
    assert lines[2] == "| torch.SGD | sgd | the defaults | float32 | 2.9.1 | 3 | 1 | 8 | none |"


def _records(*judged):
    found = []
    for day, one in enumerate(judged):
        found = merged(found, [one], f"2026-11-0{day + 1}")
    return found


def test_several_versions_that_agree_are_one_row_with_the_widest_distance():
    later = replace(ONE, versions="2.13.0+cpu", ulps=2.0, cases=2)
    (shown,) = ranges(_records(later, ONE, replace(later, versions="2.10.1", ulps=1.0)))
    assert (shown.versions, shown.ulps, shown.cases) == ("2.9.1 to 2.13.0 (3)", 2.0, 2)


def test_a_version_that_differs_has_a_row_of_its_own():
    wrong = replace(ONE, versions="2.10.0", ulps=1e9, divergence="step 1, row 0")
    shown = ranges(_records(ONE, wrong, replace(ONE, versions="2.11.0")))
    assert [(one.versions, one.divergence) for one in shown] == [
        ("2.9.1 to 2.11.0 (2)", "none"),
        ("2.10.0", "step 1, row 0"),
    ]


def test_what_is_judged_again_replaces_its_record_and_another_dialect_all():
    again = _records(ONE, replace(ONE, ulps=4.0))
    assert [record["ulps"] for record in again] == [4.0]
    other = _records(ONE, replace(ONE, versions="2.10.0", dialect="rows = 'all'"))
    assert [record["versions"] for record in other] == ["2.10.0"]


def test_the_page_is_what_its_records_come_to():
    text = PAGE.read_text()
    assert f"\n{table(ranges(RECORDS))}\n" in text
    assert merged(RECORDS, [], "") == RECORDS
