"""Mutants by text: one place of a rule's source is replaced, and the method compiled anew.

A file of this package named like a source file of `freqopt.optimizers` holds

    EDITS: dict[str, tuple[str, str]]      mutant -> (text, what stands there instead)
    FAULTS: dict[str, Implementation]      mutants that no single text makes
    EQUIVALENT: dict[str, str]             mutant -> why no case can tell it from the rule

or some of the three. The text is looked for in the functions and methods of that source file, the
scalar reference left out, and must be there exactly once, so that a mutant cannot rot unseen. The
edits of a source file apply to every rule that runs through it: those of `adam` to `adamw`, those
of `_batch` to all.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import freqopt.crosscheck.mutants as package
from freqopt import optimizers
from freqopt.crosscheck.implementation import Given, Implementation, Step, shown
from freqopt.errors import CrosscheckError
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

Place = tuple[Any, str, str]
"""Module or class, name in it, source text."""


def mutants(rule: type[Rule]) -> dict[str, Implementation]:
    """The edits of every source file that the rule runs through."""
    found: dict[str, Implementation] = {}
    for source, edits in _files(rule):
        found |= getattr(edits, "FAULTS", {})
        for name, (old, new) in getattr(edits, "EDITS", {}).items():
            owner, attribute, text = _place(source, name, old)
            if _reached(rule, owner, attribute):
                found[name] = _edited(source, owner, attribute, text.replace(old, new))
    return found


def equivalent(rule: type[Rule]) -> dict[str, str]:
    """What the files of the rule's own source and its parents' list as equivalent."""
    listed: dict[str, str] = {}
    for _, edits in _files(rule):
        listed |= getattr(edits, "EQUIVALENT", {})
    return listed


def _files(rule: type[Rule]) -> Iterator[tuple[ModuleType, ModuleType]]:
    """Source file and its file of edits: the rule's parents' first, its own last."""
    named = {m.name for m in pkgutil.iter_modules(package.__path__)}
    for source in reversed(_sources(rule)):
        stem = source.__name__.rsplit(".", 1)[-1]
        if stem in named:
            yield source, importlib.import_module(f"{package.__name__}.{stem}")


def _sources(rule: type[Rule]) -> list[ModuleType]:
    """The modules of the rule's classes, and the private ones whose functions those call."""
    home = f"{optimizers.__name__}."
    names = [kind.__module__ for kind in rule.__mro__ if kind.__module__.startswith(home)]
    for name in list(names):
        for value in vars(importlib.import_module(name)).values():
            module = getattr(value, "__module__", None) or ""
            if module.startswith(f"{home}_") and "slow" not in module:
                names.append(module)
    return [importlib.import_module(name) for name in dict.fromkeys(names)]


def _place(source: ModuleType, mutant: str, text: str) -> Place:
    places = [place for place in _functions(source) if text in place[2]]
    if len(places) != 1 or places[0][2].count(text) != 1:
        times = sum(place[2].count(text) for place in places)
        raise CrosscheckError(
            f"mutant {mutant!r} replaces {text!r}, which is {times} times in the functions of "
            f"{source.__name__}, expected once; bring its entry in EDITS up to date"
        )
    return places[0]


@cache
def _functions(source: ModuleType) -> list[Place]:
    """Every function and method of a source file but the scalar reference's."""
    text = Path(str(source.__file__)).read_text(encoding="utf-8")
    found = []
    for node in ast.parse(text).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        owner = getattr(source, node.name) if isinstance(node, ast.ClassDef) else source
        for function in inner:
            if isinstance(function, ast.FunctionDef) and not _second(function.name):
                first = min([function.lineno, *(d.lineno for d in function.decorator_list)])
                lines = text.splitlines()[first - 1 : function.end_lineno]
                found.append((owner, function.name, textwrap.dedent("\n".join(lines))))
    return found


def _second(name: str) -> bool:
    """Whether a function belongs to the scalar reference."""
    return "slow" in name or name == "kernel"


def _reached(rule: type[Rule], owner: Any, attribute: str) -> bool:
    """Whether the rule runs the method: no class before its owner replaces it without `super`."""
    if owner not in rule.__mro__:
        return True
    before = rule.__mro__[: rule.__mro__.index(owner)]
    nearer = [vars(kind)[attribute] for kind in before if attribute in vars(kind)]
    return all("super" in _function(method).__code__.co_names for method in nearer)


def _edited(source: ModuleType, owner: Any, attribute: str, text: str) -> Implementation:
    """The reference with one function's code swapped for an edited one while it makes a step."""
    function, code = _function(vars(owner)[attribute]), _compiled(source, attribute, text)

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        with _swapped(function, code):
            state = rule.init(table, **given)

        def step(rows: Integers, grads: Floats) -> Floats:
            with _swapped(function, code):
                rule.step(table, state, rows, grads)
                return shown(rule, table, state)

        return step

    return implementation


def _function(value: Any) -> Any:
    return value.fget if isinstance(value, property) else value


def _compiled(source: ModuleType, attribute: str, text: str) -> CodeType:
    """The code of the function that the text defines; `super` works as in a class."""
    body = textwrap.indent(text, "    ")
    whole = f"def within(__class__):\n{body}\n    return {attribute}"
    made: dict[str, Any] = {}
    exec(compile(whole, f"<edited {source.__name__}>", "exec"), vars(source), made)
    return _function(made["within"](None)).__code__


@contextmanager
def _swapped(function: Any, code: CodeType) -> Iterator[None]:
    """Another body for a function, wherever it is called from."""
    original = function.__code__
    function.__code__ = code
    try:
        yield
    finally:
        function.__code__ = original
