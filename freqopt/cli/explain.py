"""`freqopt explain`: a rule or a problem, its fields, and what other names it goes by."""

from __future__ import annotations

import difflib
import inspect
import sys
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from cyclopts import Parameter
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from freqopt.errors import RuleError
from freqopt.optimizers import Rule, rules
from freqopt.problems import problems
from freqopt.report.terminal import say, say_json, table


def explain_(name: str, *, json: Annotated[bool, Parameter(name="--json")] = False) -> int:
    """Show a rule or a problem: what it is, every field with its default, the known dialects.

    Parameters
    ----------
    name
        A name that `freqopt list` shows, or the path of a file of your own with a rule.
    json
        Print JSON only: the schema of the fields, and the dialects.
    """
    kind = _find(name)
    dialects = kind.dialects if issubclass(kind, Rule) else {}
    about = inspect.cleandoc(sys.modules[kind.__module__].__doc__ or "")
    if json:
        say_json({"about": about, "schema": kind.model_json_schema(), "dialects": dialects})
        return 0
    say(f"{name}\n\n{about}\n")
    table(
        "fields",
        ("field", "default", "values", "meaning"),
        [
            (key, _default(field), _values(field.annotation), field.description or "")
            for key, field in kind.model_fields.items()
        ],
    )
    if dialects:
        options = [
            (dialect, ", ".join(f"{key} = {value!r}" for key, value in changes.items()) or "-")
            for dialect, changes in dialects.items()
        ]
        table("dialects: the options with which it means the same", ("name", "options"), options)
    return 0


def _find(name: str) -> type[BaseModel]:
    if name in rules or name.endswith(".py"):
        return rules[name]
    if name in problems:
        return problems[name]
    known = [*rules, *problems]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}."
    raise RuleError(f"no rule or problem is called {name!r}; {hint} `freqopt list` shows all")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(needed)"
    default = field.get_default(call_default_factory=True)
    return "absent" if default is None else str(default)


def _values(annotation: Any) -> str:
    """A type as a reader would say it."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " | ".join(map(str, parts))
    if origin is Annotated:
        return _values(parts[0])
    if origin in (Union, UnionType):
        return " | ".join(_values(part) for part in parts if part is not type(None))
    if origin is not None:
        return f"{origin.__name__} of {', '.join(_values(p) for p in parts if p is not ...)}"
    words = {"float": "number", "int": "whole number", "str": "text", "bool": "true | false"}
    name = getattr(annotation, "__name__", str(annotation))
    return words.get(name, name)
