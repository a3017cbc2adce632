"""The how-to's example runs as printed, and the generated page holds what the run found."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

from freqopt import theory
from freqopt.theory import Word, verify
from freqopt.theory.loading import load
from freqopt.theory.page import main, page
from freqopt.theory.statement import entry

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def example(tmp_path):
    text = (DOCS / "add_a_theorem.md").read_text(encoding="utf-8")
    true, false = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "false").mkdir()
    (tmp_path / "false" / "false.py").write_text(false, encoding="utf-8")
    path = tmp_path / "my_theorem.py"
    path.write_text(true, encoding="utf-8")
    return path


def test_the_how_tos_false_theorem_is_caught_as_it_says(example):
    report = verify([example.parent / "false" / "false.py"], jobs=1)
    words = {"witness": Word.UNPROVED, "exact": Word.EXACT, "adversary": Word.REFUTED}
    assert (report.words("MY-2"), report.exit_code) == (words, 1)
    assert not report.problems
    assert "the hypothesis no noise fails on" in report.rows[0].note


def test_the_how_tos_signatures_are_those_of_the_classes():
    text = (DOCS / "add_a_theorem.md").read_text(encoding="utf-8")
    listed = re.search(r"```text\n(Case\(.*?)```", text, re.DOTALL)[1]
    found = re.findall(r"^(\w+)\((.*?)\)(?:  |$)", listed, re.MULTILINE | re.DOTALL)
    assert len(found) == 13
    for name, told in found:
        names = [n.partition("=")[0].strip("* \n") for n in re.split(r",(?![^({]*[)}])", told)]
        known = [n for n in inspect.signature(getattr(theory, name)).parameters if n != "allowed"]
        assert [n for n in names if n not in ("", "allowed")] == known, name
    listed = re.search(r"```text\n(tokens:.*?)```", text, re.DOTALL)[1]
    found = re.findall(r"^(\w+:)? +(\w+)\((.*?)\)(?:  |$)", listed, re.MULTILINE | re.DOTALL)
    assert len(found) == 10
    module = None
    for place, name, told in found:
        module = import_module(f"freqopt.theory.exact.{place[:-1]}") if place else module
        names = [n.partition("=")[0].strip() for n in told.split(",")]
        assert names == list(inspect.signature(getattr(module, name)).parameters), name


def test_the_how_tos_example_is_a_good_theorem_file(example):
    report = verify([example], mutants=True, jobs=1)
    assert report.exit_code == 0
    assert report.words("MY-1") == {"witness": Word.CERTIFIED, "exact": Word.TIGHT}
    assert {m.mutant: bool(m.killed_by) for m in report.mutants if not m.weaker} == {
        "1/5": True,
        "n^2": True,
        "n^(3/2)": True,
    }


def test_the_page_names_every_statement_verdict_and_mutant(example):
    report = verify([example], mutants=True, jobs=1)
    text = page(report)
    assert re.search(
        r"\| MY-1 \| the variance of a mean \| witness CERTIFIED, exact TIGHT "
        r"\| 1 \|  \| \S+e-\d\d % \|",
        text,
    )
    assert "| MY-1 | variance | constant | wrong by" in text
    assert "### MY-1: the variance of a mean\n\n*derived here.*" in text
    assert "statement:\n    The variance of the mean is at most 1/(4n)" in text
    assert "3 of 3 wrong versions were noticed, 0 survived" in text
    assert "true but weaker" in text
    assert all(f"- **{word}**" in text for word in Word)
    assert not any(str(example.parent) in line for line in text.splitlines())


def test_the_page_shows_the_bounds_that_are_evaluated(example):
    example.write_text(
        example.read_text().replace("lambda case: bound.exact(case.letters()),", "bound,")
    )
    (file,) = verify([example], jobs=1).examinations
    assert "- variance: `<= 1/(4*n)`" in entry(load(file.path))


def test_a_table_cell_cannot_break_the_table_nor_be_taken_for_emphasis(example):
    title = "E|x| of a*b*c_k**2 <i"
    example.write_text(example.read_text().replace("the variance of a mean", title))
    assert r"| MY-1 | E\|x\| of a\*b\*c\_k^2 &lt;i |" in page(verify([example], jobs=1))


def test_the_command_writes_the_page_and_passes_the_exit_code_on(example, tmp_path, capsys):
    target = tmp_path / "page.md"
    assert main([str(example.parent), str(target)]) == 0
    assert target.read_text(encoding="utf-8").startswith("# Theorem checks")
    assert "exit code 0" in capsys.readouterr().out
    example.write_text(
        example.read_text().replace("sp.Rational(1, 4), power", "sp.Rational(1, 9), power")
    )
    assert main([str(example.parent), str(target)]) == 1
    assert "REFUTED" in target.read_text(encoding="utf-8")
