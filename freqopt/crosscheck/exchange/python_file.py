"""A user's own Python file with an implementation in it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from freqopt._discovery import load_file
from freqopt._files import resolved
from freqopt.crosscheck.implementation import Implementation
from freqopt.crosscheck.life import Group
from freqopt.errors import CrosscheckError


@dataclass(frozen=True)
class OwnFile:
    """What a user's file has.

    Attributes
    ----------
    rule : str
    implementation : Implementation
    dialect : dict or str
        Its ``DIALECT``, options or the name of a known one; by default empty.
    group : callable or None
        Its ``make_group``, an optimizer of several tables.
    """

    rule: str
    implementation: Implementation
    dialect: dict[str, Any] | str
    group: Group | None


def own_implementation(path: Path, rule: str | None = None) -> OwnFile:
    """The rule, the implementation and the dialect of a file.

    The implementation is whatever the file calls ``make`` and can be called: a function, a class,
    a partial, something imported. Without it, the file's only public function. The rule is the one
    that is given, else the file's ``RULE``. The dialect is ``DIALECT``, by default empty. The file
    may import others that lie beside it.

    Raises
    ------
    CrosscheckError
        The file cannot be imported, or has no such function, or several, or names no rule.
    """
    module = _loaded(path)
    make = getattr(module, "make", None) or _only_function(path, module)
    if not callable(make):
        raise CrosscheckError(
            f"{path} has make = {make!r}, expected something to call: make(rule, table, given)"
        )
    named = rule or getattr(module, "RULE", None)
    if not isinstance(named, str):
        raise CrosscheckError(
            f'{path} does not say which rule it implements; write RULE = "adam" in it, or give '
            "--rule adam; `freqopt list` shows the rules"
        )
    dialect = getattr(module, "DIALECT", {})
    named_so = isinstance(dialect, Mapping) and all(isinstance(name, str) for name in dialect)
    if not isinstance(dialect, str) and not named_so:
        raise CrosscheckError(
            f'{path} has DIALECT = {dialect!r}, expected options by name: {{"rows": "all"}}, or '
            "the name of a known dialect"
        )
    own = dialect if isinstance(dialect, str) else dict(dialect)
    return OwnFile(named, make, own, getattr(module, "make_group", None))


def _loaded(path: Path) -> ModuleType:
    """The file as a module, which finds its neighbours while it is imported and later."""
    beside = str(resolved(path).parent)
    if beside not in sys.path:
        sys.path.append(beside)  # last: a neighbour called numpy.py hides nothing
    return load_file(path, "implementation", CrosscheckError)


def _only_function(path: Path, module: ModuleType) -> Callable[..., Any]:
    public = {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and not name.startswith("_")
        and name != "make_group"
    }
    if len(public) != 1:
        has = f"{len(public)} ({', '.join(public)})" if public else "none"
        raise CrosscheckError(
            f"{path} has no make(rule, table, given) -> step, and of other public "
            f"functions it has {has}, expected one; call the one that is meant make"
        )
    return next(iter(public.values()))
