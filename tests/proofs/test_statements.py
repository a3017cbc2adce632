"""The project's own theorem files: every statement has one, and its cheap checks hold."""

from pathlib import Path

import pytest

from freqopt.theory import Context, Word, verify
from freqopt.theory.examine import cheap
from freqopt.theory.loading import find, load

FOLDER = Path(__file__).parents[2] / "proofs_check"
FILES = find([FOLDER])
STATEMENTS = {
    *(f"FA-{n}" for n in range(1, 21)),
    *(f"MEM-{n}" for n in range(1, 11)),
    *(f"MLET-{n}" for n in range(1, 10)),
    *("M0", "T1", "T-CF", "T2", "T3", "T4", "M1", "M2", "M3", "E1", "X1", "X2"),
}


def test_every_statement_of_the_theory_documents_has_a_file():
    ids = [load(path).id for path in FILES]
    assert len(ids) == len(set(ids))
    assert set(ids) >= STATEMENTS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_cheap_checks_hold(path):
    """Proof steps and claims on their quick instances."""
    file = load(path)
    assert file.sections["Source"].startswith("derived here")
    for verdict in cheap(file.theorem(), Context()):
        assert verdict.word not in (Word.REFUTED, Word.INAPPLICABLE, Word.UNPROVED), verdict


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_mutant_can_be_made(path):
    file = load(path)
    assert len(file.mutants) >= 3
    for mutant in file.mutants.values():
        file.theorem(mutant)


@pytest.mark.slow
def test_a_quick_run_has_no_failure_and_no_survivor():
    report = verify([FOLDER], mutants=True)
    assert not report.problems
    assert not report.survivors
    assert report.exit_code == 0
    assert report.spent <= report.budget
