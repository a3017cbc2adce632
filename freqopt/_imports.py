"""What a user's Python file imports from its own folder, read from its source.

Counted are `import` statements wherever they stand, and `import_module("name")` or
`__import__("name")` with the name written out; then the same of what they name, and so on. A module
of Python's own library is never looked for in the folder, nor is freqopt.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

_ELSEWHERE = {*sys.stdlib_module_names, "freqopt"}


def imported_files(path: Path) -> list[Path]:
    """A Python file and everything that it imports from its own folder, directly or not; sorted."""
    folder, waiting, found = path.parent, [path], set[Path]()
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imports(file, folder)
    return sorted(found)


def _imports(file: Path, folder: Path) -> Iterator[Path]:
    """Files below the folder that one of them names in its imports."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return  # who imports it is told what is wrong with it
    package = file.parent.relative_to(folder).parts
    for node in ast.walk(tree):
        for name in _names(node, package):
            if not name or name[0] in _ELSEWHERE:
                continue
            for depth in range(1, len(name) + 1):
                stem = folder.joinpath(*name[:depth])
                for there in (stem.with_name(stem.name + ".py"), stem / "__init__.py"):
                    if there.is_file():
                        yield there


def _names(node: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Dotted names, split, of modules that a piece of source may import."""
    if isinstance(node, ast.Import):
        yield from (tuple(alias.name.split(".")) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else ()
        base += tuple(node.module.split(".")) if node.module else ()
        yield from ((*base, *alias.name.split(".")) for alias in node.names)
        yield base
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        called = node.func.id if isinstance(node.func, ast.Name) else called
        name = node.args[0].value
        if called in ("import_module", "__import__") and isinstance(name, str):
            parts = tuple(name.lstrip(".").split("."))
            yield (*package, *parts) if name.startswith(".") else parts
