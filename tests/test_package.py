"""The package as a whole: what stands on what, and what it says of itself."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

import freqopt

PACKAGE = Path(freqopt.__file__).parent
FLOORS = (
    {
        "errors",
        "_called",
        "_descendants",
        "_discovery",
        "_fields",
        "_files",
        "_imports",
        "_install",
        "_interrupts",
        "_plugins",
        "_workers",
        "_version",
        "typing",
    },
    {"streams"},
    {"kernels"},
    {"optimizers", "tables"},
    {"problems", "data"},
    {"backends"},
    {"theory"},
    {"experiment"},
    {"crosscheck"},
)
"""From the lowest on; whatever is not named, such as the command, stands above them."""
PARTS = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}


def floor(part: str) -> int:
    return next((k for k, parts in enumerate(FLOORS) if part in parts), len(FLOORS))


def imported(path: Path) -> set[str]:
    """First parts, below freqopt, of what a file imports, wherever in it; "" for freqopt itself."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            within = node.module == "freqopt"
            found |= {f"freqopt.{a.name}" if within else node.module for a in node.names}
    ours = [name.split(".") for name in found if name.partition(".")[0] == "freqopt"]
    return {name[1] if len(name) > 1 else "" for name in ours}


@pytest.mark.parametrize("part", sorted(PARTS - {"__init__", "__pycache__", "studies"}))
def test_imports_go_down_the_floors_only(part: str) -> None:
    path = PACKAGE / part
    for file in path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]:
        above = {name for name in imported(file) if floor(name) > floor(part)}
        assert not above, f"{file} imports {sorted(above)} ('' is freqopt itself)"


def test_every_floor_is_there() -> None:
    assert set.union(*FLOORS) <= PARTS


def test_type_checkers_are_told_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").read_bytes() == b""


def test_the_version_is_the_same_everywhere() -> None:
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["version"] == freqopt.__version__
    assert f"version: {freqopt.__version__}\n" in (root / "CITATION.cff").read_text()


LIBM = {
    *("sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "atan2", "arcsin"),
    *("arccos", "arctan", "arctan2", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p"),
    *("pow", "power", "float_power", "logaddexp", "hypot", "cbrt"),
}


@pytest.mark.parametrize("part", ["streams", "kernels", "optimizers", "tables", "problems"])
def test_what_feeds_a_trajectory_calls_no_function_of_the_c_library(part: str) -> None:
    """Their last bits differ between platforms; `freqopt.streams.elementary` has the same ones."""

    def calls(node: ast.AST) -> list[str]:
        if isinstance(node, ast.FunctionDef) and node.name == "expected_error":
            return []  # a closed form, for comparison with runs
        found = [name for child in ast.iter_child_nodes(node) for name in calls(child)]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found += [node.attr] if node.value.id in ("np", "math") and node.attr in LIBM else []
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            exact = ast.unparse(node.left) in ("-1.0", "0.5", "2", "2.0")  # powers of two are exact
            found += [] if exact or isinstance(node.right, ast.Constant) else ["**"]
        return found

    for path in (PACKAGE / part).rglob("*.py"):
        assert not calls(ast.parse(path.read_text())), path


def test_nobody_is_told_to_install_a_name_from_the_index() -> None:
    """It is not published: whoever takes the name there first would be installed."""
    root = Path(__file__).parents[1]
    folders = ("freqopt", "docs", "simulations", "figures", "proofs_check", "benchmarks")
    files = [root / "README.md", *(f for folder in folders for f in (root / folder).rglob("*"))]
    told = re.compile(r"freqopt\[|pip install (?:-\S+ )*freqopt\b")
    for file in files:
        if file.suffix in (".py", ".md", ".toml"):
            assert not told.search(file.read_text(encoding="utf-8")), file
