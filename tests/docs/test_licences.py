"""The page of licences names every direct dependency, and each with a licence."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_names_what_an_install_brings() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([a-z][\w-]*) \| [\d.]+ \| ([^|]+) \|", page, re.M))
    needed = {re.match(r"[\w-]+", text)[0].lower() for text in project["dependencies"]}  # type: ignore[index]
    assert needed <= set(rows), "add what is new, with its licence"
    assert all(licence.strip() not in ("", "?", "UNKNOWN") for licence in rows.values())
