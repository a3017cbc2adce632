"""What Numba does not promise to keep is used in one file, with the releases that were tested."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import freqopt
from freqopt.backends.numba.jit import _private

ROOT = Path(freqopt.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if path != Path(_private.__file__))
OFFERED = {"numba", "numba.types", "numba.extending", "numba.core.cgutils"}
"""What Numba's manual tells writers of extensions to use."""


def _imported(tree: ast.Module) -> set[str]:
    """Modules and names of Numba that a file imports, with dots."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.partition(".")[0] == "numba"}


def _foreign(source: str) -> set[str]:
    """Names of Numba in a file that Numba does not offer."""
    return {
        name
        for name in _imported(ast.parse(source))
        if name not in OFFERED and name.rpartition(".")[0] not in OFFERED - {"numba"}
    }


@pytest.mark.parametrize("source", ["from numba import _dynfunc", "import numba.core.codegen"])
def test_a_private_name_is_noticed(source: str) -> None:
    assert _foreign(source)


def test_private_names_are_in_one_file() -> None:
    found = {path.relative_to(ROOT).as_posix(): _foreign(path.read_text()) for path in FILES}
    assert any(_imported(ast.parse(path.read_text())) for path in FILES)
    assert {path: names for path, names in found.items() if names} == {}


def test_the_releases_installed_are_those_tested() -> None:
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["project"]
    (wanted,) = [line for line in project["dependencies"] if line.startswith("numba")]
    first, last = _private.TESTED
    major, minor = map(int, last.split("."))
    assert wanted == f"numba>={first},<{major}.{minor + 1}"
    assert re.match(r"\d+\.\d+", version("numba"))
    assert tuple(map(int, first.split("."))) <= tuple(map(int, version("numba").split(".")[:2]))
    assert tuple(map(int, version("numba").split(".")[:2])) <= (major, minor)
