"""Every public name says what it takes, gives and raises.

Public is what the pages of docs/api name: what their modules export (`__all__`, or everything that
they define without a leading underscore), every rule, problem, metric and backend of the library,
and of all these classes what they define themselves. A method that only fills in one of its base is
documented there.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from pydantic import BaseModel

from freqopt import errors
from freqopt.backends import backends
from freqopt.experiment.metrics import metrics
from freqopt.optimizers import rules
from freqopt.problems import problems
from freqopt.report.nested import nested_types

API = Path(__file__).parents[2] / "docs" / "api"
MODULES = sorted(
    name for page in API.glob("*.md") for name in re.findall(r"^::: (\S+)", page.read_text(), re.M)
)
OURS = {"", "NotImplementedError", "AssertionError", "FreqoptError"}
"""What a caller is not told of: a method that a subclass lacks, and what cannot happen."""


def exported(module: Any) -> Iterator[Any]:
    """What a documented module offers, and was written in freqopt."""
    names = getattr(module, "__all__", None)
    for name in names or [n for n in vars(module) if not n.startswith("_")]:
        value = getattr(module, name)
        ours = str(getattr(value, "__module__", "")).startswith("freqopt")
        here = names or getattr(value, "__module__", "") == module.__name__
        if ours and here and (inspect.isclass(value) or inspect.isroutine(value)):
            yield value


def methods(kind: type) -> Iterator[tuple[str, Any]]:
    """What a class adds to its bases."""
    for name, member in vars(kind).items():
        made = isinstance(
            member, (FunctionType, staticmethod, classmethod, property, cached_property)
        )
        made = made and name not in getattr(kind, "__dataclass_fields__", ())  # a field's default
        new = not any(hasattr(base, name) for base in kind.__mro__[1:])
        if made and new and not name.startswith("_"):
            yield name, member


def public() -> dict[str, Any]:
    """Every public name -> what it is."""
    found: dict[str, Any] = {}
    for module in MODULES:
        for value in exported(importlib.import_module(module)):
            found[f"{value.__module__}.{value.__qualname__}"] = value
    for registry in (rules, problems, metrics, backends):
        for name in registry.own:
            kind = registry[name]
            found[f"{kind.__module__}.{kind.__qualname__}"] = kind
    for where, value in list(found.items()):
        for name, member in methods(value) if inspect.isclass(value) else ():
            found[f"{where}.{name}"] = member
    return found


def section(text: str, title: str) -> str:
    """The text under a heading of a docstring, "" if there is none."""
    match = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", text, re.M | re.S)
    return match[1] if match else ""


def named(text: str) -> set[str]:
    """What the entries of a section are called."""
    heads = re.findall(r"^(\*{0,2}\w[\w, *]*?)(?: :.*)?$", text, re.M)
    return {name.strip(" *") for head in heads for name in head.split(",")}


def lacking(value: Any) -> list[str]:
    """What a name does not say of itself."""
    if isinstance(value, (property, cached_property)):
        getter = value.fget if isinstance(value, property) else value.func
        return raising(getter) if inspect.getdoc(getter) else ["has no docstring"]
    text = inspect.getdoc(getattr(value, "__func__", value)) or ""
    if not text:
        return ["has no docstring"]
    if inspect.isclass(value):
        return lacking_in_class(value, text)
    function = getattr(value, "__func__", value)
    found = taking(function, text)
    gives = inspect.signature(function).return_annotation
    if gives not in (None, "None", inspect.Signature.empty) and not (
        section(text, "Returns") or section(text, "Yields")
    ):
        found.append("has no Returns")
    return found + raising(function)


def taking(function: Callable[..., Any], text: str) -> list[str]:
    """Parameters that are not said, or that are none."""
    given = set(inspect.signature(function).parameters) - {"self", "cls"}
    said = named(section(text, "Parameters"))
    return [
        *(f"does not say {name}" for name in sorted(given - said)),
        *(f"says {name}, which it does not take" for name in sorted(said - given)),
    ]


def lacking_in_class(kind: type, text: str) -> list[str]:
    if issubclass(kind, Exception):
        return []
    if issubclass(kind, BaseModel):
        return [
            f"{n} has no description" for n, f in kind.model_fields.items() if not f.description
        ]
    texts = [
        inspect.getdoc(one) or "" for one in kind.__mro__ if one.__module__.startswith("freqopt")
    ]
    sections = [section(one, title) for one in texts for title in ("Parameters", "Attributes")]
    said = set().union(*map(named, sections))
    if getattr(kind, "_is_protocol", False):
        return []
    if "__init__" in vars(kind) or hasattr(kind, "_fields"):
        given = set(inspect.signature(kind).parameters)
        return [f"does not say {name}" for name in sorted(given - said)]
    return []


def raising(function: Callable[..., Any]) -> list[str]:
    """Errors of a function, and of freqopt's functions that it calls, not in its docstring."""
    text = section(inspect.getdoc(function) or "", "Raises")
    return [f"does not say that it raises {e}" for e in sorted(raised(function, 2) - OURS)
            if e not in text and "FreqoptError" not in text]  # fmt: skip


@cache
def raised(function: Any, depth: int) -> frozenset[str]:
    """Names of what is raised in a function, and that many calls below it."""
    found, known = set(), getattr(function, "__globals__", {})
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            found.add(getattr(node.exc.func, "id", ""))
        elif depth and isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called = known.get(node.func.id)
            if inspect.isfunction(called) and called.__module__.startswith("freqopt"):
                found |= {e for e in raised(called, depth - 1) if hasattr(errors, e)}
    return frozenset(found)


PUBLIC = public()


def test_every_public_name_is_documented_whole() -> None:
    bad = {name: said for name, value in sorted(PUBLIC.items()) if (said := lacking(value))}
    assert not bad, "\n".join(f"{name}: {'; '.join(said)}" for name, said in bad.items())
    assert len(PUBLIC) > 300


def test_every_rule_and_problem_names_its_source() -> None:
    """A paper, a library's release, or that it is derived here."""
    for registry in (rules, problems):
        for name in registry.own:
            text = inspect.getdoc(sys.modules[registry[name].__module__]) or ""
            assert re.search(r"^Source\n +\S|^\*\*Source\.\*\* \S", text, re.M), name


def spoken_of(value: Any) -> Iterator[type]:
    """Classes of freqopt that a docstring's entries or a signature name."""
    text = inspect.getdoc(getattr(value, "__func__", value)) or ""
    kept = [section(text, title) for title in ("Parameters", "Attributes", "Returns", "Yields")]
    said = re.sub(r"^ .*", "", "\n".join(kept), flags=re.M)  # types, without what they are for
    taken = value.__init__ if inspect.isclass(value) else value
    said += str(getattr(taken, "__annotations__", ""))
    known = vars(sys.modules[getattr(value, "__module__", None) or __name__])
    for name in set(re.findall(r"\b[A-Z]\w+", said)):
        kind = known.get(name)
        if isinstance(kind, type) and kind.__module__.startswith("freqopt"):
            yield kind


def test_every_class_that_is_spoken_of_is_documented() -> None:
    found = {kind: name for name, value in PUBLIC.items() for kind in spoken_of(value)}
    documented = [*PUBLIC.values(), *(kind for kind, _ in nested_types().values())]
    lost = {k.__qualname__: n for k, n in found.items() if k not in documented}
    assert not lost, "named by, and on no page of docs/api: " + str(lost)
    assert len(found) > 30


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Nothing.",
            ["does not say rows", "has no Returns", "does not say that it raises ValueError"],
        ),
        ("X.\n\nParameters\n----------\nrows, more : int (n,)\n", ["says more"]),
        ("X.\n\nParameters\n----------\nrows : int (n,)\n\nReturns\n-------\nint\n", ["raises"]),
    ],
)
def test_what_lacks_is_noticed(text: str, said: list[str]) -> None:
    def function(rows: int) -> int:
        if rows < 0:
            raise ValueError("rows")
        return rows

    function.__doc__ = text
    found = lacking(function)
    assert all(any(one in other for other in found) for one in said)
