"""A function's own text: its syntax tree, its file, and what its free names stand for."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import FunctionType
from typing import Any

from freqopt.errors import KernelError, at_line
from freqopt.kernels._functions import ALLOWED

_UNKNOWN = object()


@dataclass(frozen=True)
class FunctionSource:
    """Where a function is written, and how."""

    function: FunctionType
    tree: ast.FunctionDef

    @property
    def path(self) -> str:
        """The file."""
        return self.function.__code__.co_filename

    @property
    def parameters(self) -> list[str]:
        """Names of the parameters."""
        return [a.arg for a in self.tree.args.args]

    @cached_property
    def _free(self) -> dict[str, Any]:
        cells = zip(
            self.function.__code__.co_freevars, self.function.__closure__ or (), strict=True
        )
        found = {}
        for name, cell in cells:
            try:
                found[name] = cell.cell_contents
            except ValueError:  # not assigned yet
                continue
        return found

    def outer(self, name: str, node: ast.AST) -> Any:
        """What a name means that the function does not assign."""
        for space in (self._free, self.function.__globals__, vars(builtins)):
            if name in space:
                return space[name]
        return self.refuse(node, f"reads {name}, which is nowhere defined")

    def refuse(self, node: ast.AST, what: str, hint: str = ALLOWED) -> Any:
        """Raise the one message that a kernel's mistake gets."""
        raise mistake(self.path, getattr(node, "lineno", self.tree.lineno), what, hint)


def mistake(path: str, line: int, what: str, hint: str) -> KernelError:
    """What `errors.at_line` says, of a kernel."""
    return KernelError(at_line(path, line, what, hint))


def source_of(function: Any) -> FunctionSource:
    """The text of a plain Python function.

    Raises
    ------
    KernelError
        It is no function of a file: a lambda, a builtin, something typed at a prompt.
    """
    if not isinstance(function, FunctionType):
        raise KernelError(f"a kernel holds {function!r}, expected a function; {ALLOWED}")
    path, line = function.__code__.co_filename, function.__code__.co_firstlineno
    tree = _functions(path, _stamp(path)).get((function.__name__, line))
    if tree is None:
        raise mistake(
            path, line, f"the text of {function.__name__} is not to be found there",
            "write it with `def` in a file, and start again if the file was changed meanwhile",
        )  # fmt: skip
    arguments = tree.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults:
        raise mistake(
            path, line, f"{tree.name} has parameters with defaults or stars", "name each parameter"
        )
    return FunctionSource(function, tree)


def _stamp(path: str) -> tuple[int, int]:
    try:
        status = Path(path).stat()
    except OSError:
        return (0, 0)
    return status.st_mtime_ns, status.st_size


@cache
def _functions(path: str, _stamp: tuple[int, int]) -> dict[tuple[str, int], ast.FunctionDef]:
    """Every function of a file by name and first line, decorators included."""
    try:
        tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return {}
    return {
        (node.name, min([node.lineno, *(d.lineno for d in node.decorator_list)])): node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
