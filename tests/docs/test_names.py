"""Every name of the library that a page mentions can be imported from where it says."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
NOT_NAMES = {"freqopt.rules", "freqopt.guests", "freqopt.metrics", "freqopt.problems"}
"""Groups of entry points: texts, not modules, though one is a module too."""
OPTIONAL = {"cupy", "torch", "cvxpy", "clarabel", "PEPit"}


def lookup(dotted: str) -> None:
    """Import a dotted name, or raise."""
    module, parts = None, dotted.split(".")
    for depth in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:depth]))
            break
        except ModuleNotFoundError as error:
            if error.name and error.name.split(".")[0] in OPTIONAL:
                return
    found = module
    for part in parts[depth:]:
        found = getattr(found, part)


def names(page: str) -> Iterator[str]:
    """Dotted names of a page: in its prose, and in the imports of its Python."""
    fences = re.findall(r"^ *```(\w*).*?\n(.*?)^ *```", page, re.S | re.M)
    prose = re.sub(r"^ *```.*?^ *```", "", page, flags=re.S | re.M)
    for span in re.findall(r"`([^`\n]+)`", prose):
        yield from re.findall(r"(?<![\w./-])freqopt(?:\.[A-Za-z_]\w*)+(?![\w.]*/)", span)
    for language, code in fences:
        for node in ast.walk(ast.parse(code)) if language == "python" else ():
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("freqopt"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Import):
                yield from (a.name for a in node.names if a.name.startswith("freqopt"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_name_is_where_the_page_says(page: Path) -> None:
    missing = []
    for name in sorted(set(names(page.read_text(encoding="utf-8"))) - NOT_NAMES):
        try:
            lookup(name)
        except (ImportError, AttributeError) as error:
            missing.append(f"{name}: {error}")
    assert not missing


def test_a_name_that_is_elsewhere_is_noticed() -> None:
    page = "`freqopt.streams.draw_tokens(law)`\n```python\nfrom freqopt.tables import Rule\n```\n"
    assert list(names(page)) == ["freqopt.streams.draw_tokens", "freqopt.tables.Rule"]
    for name in names(page):
        with pytest.raises(AttributeError):
            lookup(name)
