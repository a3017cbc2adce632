"""The project's own theorem files: every statement has one, and its cheap checks hold."""

import json
import re
from pathlib import Path

import pytest

from freqopt.theory import Context, Word, verify
from freqopt.theory.examine import cheap
from freqopt.theory.loading import find, load
from freqopt.theory.statement import entry, escaped

FOLDER = Path(__file__).parents[2] / "proofs_check"
FILES = find([FOLDER])
STATEMENTS = {
    *(f"FA-{n}" for n in range(1, 21)),
    *(f"MEM-{n}" for n in range(1, 11)),
    *(f"MLET-{n}" for n in range(1, 10)),
    *("M0", "T1", "T-CF", "T2", "T3", "T4", "M1", "M2", "M3", "E1", "X1", "X2"),
}


STATED = {"MLET-2", "MLET-5"}
"""Whose paper could be read."""


def test_every_statement_of_the_theory_documents_has_a_file():
    ids = [load(path).id for path in FILES]
    assert len(ids) == len(set(ids))
    assert set(ids) >= STATEMENTS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_cheap_checks_hold(path):
    """Proof steps and claims on their quick instances."""
    file = load(path)
    stated = "stated in the paper" if file.id in STATED else "derived here"
    assert file.sections["Source"].startswith(stated)
    for verdict in cheap(file.theorem(), Context()):
        assert verdict.word not in (Word.REFUTED, Word.INAPPLICABLE, Word.UNPROVED), verdict


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_mutant_can_be_made(path):
    file = load(path)
    assert len(file.mutants) >= 3
    for mutant in file.mutants.values():
        file.theorem(mutant)


@pytest.fixture(scope="module")
def committed():
    return (FOLDER.parent / "docs" / "theorems.md").read_text(encoding="utf-8")


AGAIN = "make the page again: python -m freqopt.theory.page proofs_check docs/theorems.md --full"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_committed_page_has_what_the_file_has(path, committed):
    """Statement, claims, checks and mutants; figures are not computed again."""
    file = load(path)
    theorem = file.theorem()
    assert entry(file) in committed, AGAIN
    rows = [line for line in committed.splitlines() if line.startswith(f"| {file.id} |")]
    shown = {cell.replace("\\|", "|") for row in rows for cell in re.split(r"(?<!\\)\| ", row)}
    shown = {cell.strip() for cell in shown}
    # Checks that need a package or a device may be missing here or there.
    here = (c.name for c in theorem.checks if not (c.needs or c.lacking))
    for name in map(escaped, (*(c.name for c in theorem.claims), *here)):
        assert name in shown or any(cell.endswith(f": {name}") for cell in shown), (name, AGAIN)
    assert set(map(escaped, file.mutants)) <= shown, AGAIN


def test_the_committed_page_is_of_a_good_run_and_has_the_certificates(committed):
    assert "0 survived" in committed
    assert "| REFUTED |" not in committed.split("## Mutation matrix")[0]
    for path in (FOLDER / "certificates").glob("*.json"):
        seal = json.loads(path.read_text(encoding="ascii"))["sha256"][:16]
        assert f"| {path.name} |" in committed, AGAIN
        assert seal in committed, AGAIN


@pytest.mark.slow
def test_a_quick_run_has_no_failure_and_no_survivor():
    report = verify([FOLDER], mutants=True)
    assert not report.problems
    assert not report.survivors
    assert report.exit_code == 0
    assert report.spent <= report.budget
