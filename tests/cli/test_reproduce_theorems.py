"""`freqopt reproduce` checks the theorems, and says which of them failed."""

import json

from freqopt.cli import run


def test_reproduce_writes_the_page_of_theorems(here, capsys):
    assert run(["reproduce", "--jobs", "1", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert [row["word"] for row in done["theorems"]["rows"]] == ["EXACT"]
    assert done["theorems"]["mutants"] == []
    assert "| HALF-1 |" in (here / "reproduced" / "theorems.md").read_text()


def test_a_full_reproduction_has_the_mutants(here, capsys):
    assert run(["reproduce", "--jobs", "1", "--full"]) == 0
    assert "1 of 1 mutants killed" in capsys.readouterr().out


def test_a_refuted_theorem_is_told_and_fails(here, capsys):
    path = here / "proofs_check" / "half.py"
    path.write_text(path.read_text().replace("constant=1)", "constant=sp.Rational(1, 3))"))
    assert run(["reproduce", "--jobs", "1"]) == 2
    printed = capsys.readouterr()
    assert "HALF-1 exact, half: REFUTED. one: 0.5 where 0.333333 is stated" in printed.err
    assert "1 failed" in printed.out
    assert "REFUTED" in (here / "reproduced" / "theorems.md").read_text()
