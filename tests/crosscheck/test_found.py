"""Every script in docs/found.md prints what the page says, where its library is installed."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "found.md"
ENTRY = re.compile(
    r"^## (.+?)\n(.+?)^```(python|js)\n(.+?)^```\n+^```text\n(.+?)^```$", re.M | re.S
)
ENTRIES = ENTRY.findall(PAGE.read_text())


def _modules(script: str) -> set[str]:
    """What a Python script imports, by top-level name."""
    found = set()
    for node in ast.walk(ast.parse(script)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name.partition(".")[0] for name in found}


@lru_cache(maxsize=1)
def _has_tfjs() -> bool:
    """Whether Node finds TensorFlow.js from here, or by NODE_PATH."""
    if not shutil.which("node"):
        return False
    asked = ["node", "-e", "require.resolve('@tensorflow/tfjs')"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def _lacking(language: str, script: str) -> str:
    """What a script needs and is not here; empty if nothing."""
    if language == "js":
        return "" if _has_tfjs() else "@tensorflow/tfjs"
    absent = [name for name in sorted(_modules(script)) if importlib.util.find_spec(name) is None]
    return ", ".join(absent)


def test_every_entry_has_its_versions_a_script_and_what_it_prints():
    assert PAGE.read_text().count("\n## ") == len(ENTRIES) > 10
    for title, told, _, _, _ in ENTRIES:
        assert re.search(r"\d+\.\d+\.\d+", told), title


@pytest.mark.parametrize(
    ("told", "language", "script", "printed"),
    [pytest.param(*entry[1:], id=entry[0]) for entry in ENTRIES],
)
def test_a_script_prints_what_the_page_says(told, language, script, printed):
    if lacking := _lacking(language, script):
        pytest.skip(f"not installed: {lacking}")
    command = ["node", "-e", script] if language == "js" else [sys.executable, "-c", script]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ran.stdout == printed, ran.stderr[-2000:]
