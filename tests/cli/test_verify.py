"""`freqopt verify`: what it prints and exits with. tests/theory holds the checks of the checks."""

import json
import re

import pytest

from freqopt.cli import run


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def test_one_theorem_by_name(here, capsys):
    assert run(["verify", "fa_9_counters", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert "FA-9" in out
    assert "witness CERTIFIED" in out.replace("\n", " ")
    assert "1 theorem files" in out


def test_mutants_are_shown_with_who_noticed(here, capsys):
    assert run(["verify", "fa_9_counters", "--mutants", "--jobs", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert len(report["mutants"]) >= 2
    assert not any(row["survived"] for row in report["mutants"])


def test_the_matrix_has_a_column_for_each_engine(here, capsys):
    assert run(["verify", "fa_9_counters", "--mutants", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert "1 witness, 2 exact; X noticed it" in out
    assert re.search(r"n for n \+ 1 +statement +X +X +killed", out)
    assert re.search(r"tail from n p on +statement +\. +X +killed", out)
    assert "3 of 3 mutants killed" in out


def test_a_broken_file_is_one_line_and_the_others_still_run(here, capsys):
    (here / "broken.py").write_text("raise ValueError('not today')\n")
    assert run(["verify", "broken.py", "fa_9_counters", "--jobs", "1"]) == 1
    shown = capsys.readouterr()
    assert "FA-9" in shown.out
    assert "broken.py" in shown.err
    assert "not today" in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fa_99"], "neither a file nor the name of a theorem file"),
        (["fa_9_counters", "--budget", "2"], "error probability, in \\(0, 1\\)"),
        (["fa_9_counters", "--jobs", "0"], "1 or more"),
    ],
)
def test_mistakes(here, capsys, arguments, message):
    assert run(["verify", *arguments]) == 2
    assert re.search(message, capsys.readouterr().err)
