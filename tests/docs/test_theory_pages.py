"""docs/theory has every statement of proofs_check/, under the title of its file, with a proof."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "theory").glob("*.md")}
FILES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "proofs_check").glob("*.py")}
TITLES = {path: re.match(r'r?"""(.+?)"*\n', text)[1] for path, text in FILES.items()}  # type: ignore[index]
UNPROVED = {"FA-20", "MEM-5", "X1", "X2", "LIMIT-MLET-RATE", "L1", "L2", "L3", "L4", "L5"}
"""Asymptotic calculations, measurements and comparisons; the laws are derived in docs/laws.md."""


def statements() -> dict[str, tuple[Path, str]]:
    """Id -> its page and what stands under its heading."""
    found = {}
    for page, text in PAGES.items():
        for part in re.split(r"^#{2,3} ", text, flags=re.M)[1:]:
            title, _, body = part.partition("\n")
            found[title.partition(":")[0]] = (page, body)
    return found


def test_every_statement_has_its_place_and_its_proof() -> None:
    found = statements()
    for path, title in TITLES.items():
        name = title.partition(":")[0]
        assert name in found, f"{path.name}: {name} is on no page of docs/theory"
        page, body = found[name]
        assert f"### {title}\n" in PAGES[page], f"{name} has another title in its file"
        assert f"(../../proofs_check/{path.name})" in body
        assert name in UNPROVED or re.search(r"\*Proof.*∎", body, re.S), f"{name} has no proof"


def test_files_cite_pages_that_a_reader_has() -> None:
    found = statements()
    for path, text in FILES.items():
        for page, name in re.findall(r"(docs/[\w/]+\.md)(?:, ([A-Z]+[\w-]*\d\w*))?", text):
            assert (ROOT / page).exists(), f"{path.name} cites {page}"
            if name and "theory" in page:
                assert found[name][0] == ROOT / page, f"{path.name}: {name} is not on {page}"
        assert not re.search(r"(?<!docs/)\btheory/\w+\.md", text), path.name
