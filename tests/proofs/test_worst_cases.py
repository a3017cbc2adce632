"""Worst cases beside their bounds: the lists hold, and the page has what is stored."""

from pathlib import Path

import pytest

from freqopt.theory import Context, Word
from freqopt.theory.engines.chain.page import BEST, MARKS, best
from freqopt.theory.engines.chain.rows import Listing
from freqopt.theory.loading import find, load

pytest.importorskip("clarabel", reason="worst cases need the extra 'theory'")

ROOT = Path(__file__).parents[2]
FILES = [
    path for path in find([ROOT / "proofs_check"]) if "engines.chain" in path.read_text("utf-8")
]
CHECKS = [
    pytest.param(check, id=f"{path.stem}: {check.name}")
    for path in FILES
    for check in load(path).theorem().checks
    if check.engine in ("worst case", "certificate")
]


@pytest.mark.parametrize("check", CHECKS)
def test_it_holds_from_both_sides(check):
    verdict = check.run(Context())
    assert verdict.word in (Word.EXACT, Word.TIGHT, Word.CERTIFIED), verdict


def test_the_page_has_every_list_and_the_stored_table():
    page = (ROOT / "docs" / "worst_cases.md").read_text("utf-8")
    tables = page.split(MARKS[0])[1].split(MARKS[1])[0]
    for path in FILES:
        file = load(path)
        for check in file.theorem().checks:
            if isinstance(check.run, Listing):
                assert f"### {file.id}: {check.name}\n" in tables, "see the page: how it is made"
    assert best(ROOT / "proofs_check" / BEST) in tables
