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
    assert "4 of 4 mutants killed" in out


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


def test_a_new_file_is_whole_true_and_shown(here, capsys, monkeypatch):
    monkeypatch.chdir(here)
    assert run(["verify", "--new", "mine.py"]) == 0
    assert run(["verify", "mine.py", "--mutants", "--jobs", "1", "--pictures", "out"]) == 0
    out = capsys.readouterr().out
    assert "2 of 2 mutants killed" in out
    assert re.search(r"MY-1 +variance +power of n in .* would be noticed", out)
    drawn = (here / "out" / "mine.csv").read_text().splitlines()
    assert drawn[0] == "claim,T,p,left,bound,trivial,share"
    assert len(drawn) > 12
    assert (here / "out" / "mine.svg").stat().st_size > 1000
    assert run(["verify", "--new", "mine.py"]) == 2
    assert "was left as it is" in capsys.readouterr().err


def test_a_whole_number_stays_one(here, capsys):
    """SciPy's functions do not take SymPy's numbers; slope = 2 is what the statement has."""
    assert run(["verify", "fa_9_counters", "--jobs", "1", "--set", "slope=2"]) == 0
    assert "slope = 2: not noticed" in capsys.readouterr().out
    assert run(["verify", "fa_9_counters", "--jobs", "1", "--set", "slope=1/2"]) == 1
    assert "noticed by exact" in capsys.readouterr().out


def test_what_was_left_out_is_named_where_nothing_was_noticed(here, capsys, monkeypatch):
    monkeypatch.chdir(here)
    run(["verify", "--new", "mine.py"])
    text = (here / "mine.py").read_text()
    check = 'Check("long", "all night", lambda c: None, slow=True)'
    text = text.replace("        hypotheses=", f"        checks=({check},),\n        hypotheses=")
    (here / "mine.py").write_text(text.replace("Assumption, ", "Assumption, Check, "))
    assert run(["verify", "mine.py", "--jobs", "1", "--set", "constant=1/4"]) == 0
    told = capsys.readouterr().out
    assert "left out: long: all night (left out of quick runs)" in told


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ("constant=6/25", 1, "noticed by exact, adversary"),
        ("power=1.5", 1, "noticed by exact"),
        ("constant=1/3", 1, "no longer shown, and not refuted"),
        ("constant=1/4", 0, "not noticed"),
        ("constan=1/4", 1, "has no part 'constan'; its parts: constant, power"),
        ("constant=__import__", 1, "is no number"),
        ("constant", 2, "give NAME=VALUE"),
    ],
)
def test_a_changed_statement_is_examined(here, capsys, monkeypatch, given, code, told):
    monkeypatch.chdir(here)
    run(["verify", "--new", "mine.py"])
    assert run(["verify", "mine.py", "--jobs", "1", "--set", given]) == code
    shown = capsys.readouterr()
    assert told in shown.out + shown.err
