"""docs/agreement.md says what running the guests says."""

from __future__ import annotations

from pathlib import Path

import pytest

from freqopt.crosscheck.agreement import QUICK
from freqopt.crosscheck.guests import Guest, Library, guests
from freqopt.report.agreement_page import COLUMNS, HEAD, Row, absent, page, row, rows, table

from .guest_list import EVERY

PAGE = Path(__file__).parents[2] / "docs" / "agreement.md"


def _cells() -> dict[tuple[str, str], list[str]]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]
    return {(line[0], line[3]): line for line in cells}


def test_the_page_has_every_guest_in_every_dtype_and_all_agree():
    cells = _cells()
    assert list(cells) == [(g.name, dtype) for g in guests.values() for dtype in g.dtypes]
    for (name, dtype), line in cells.items():
        guest = guests[name]
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
    made = dict(zip(COLUMNS, str(row(guests[name], dtype)).strip("| ").split(" | "), strict=True))
    told = dict(zip(COLUMNS, _cells()[name, dtype], strict=True))
    assert float(made.pop("ULP")) <= float(told["allowed"])
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
    assert len(absent()) == len({g.library.name for g in guests.values()})
    assert "with none of the libraries" in page([])


def test_a_table_is_markdown():
    one = Row("a.B", "sgd", "the defaults", "float32", 3, 0.5, 8.0, "none")
    lines = table([one]).splitlines()
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|") == 9
    assert lines[2] == "| a.B | sgd | the defaults | float32 | 3 | 1 | 8 | none |"
