"""`freqopt explain`: a rule, a problem or a type inside one: fields, and what else it is called."""

from __future__ import annotations

import difflib
import inspect
import sys
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter
from pydantic import BaseModel

from freqopt.crosscheck.cases.effects import effects
from freqopt.errors import RuleError
from freqopt.optimizers import Rule, rules
from freqopt.problems import problems
from freqopt.report.fields import default, values
from freqopt.report.nested import nested_types
from freqopt.report.terminal import say, say_json, table


def explain_(name: str, *, json: Annotated[bool, Parameter(name="--json")] = False) -> int:
    """Show a rule, a problem or a type inside one: every field with its default, the dialects.

    For a rule also who uses which value of each option, and what the value changes: the largest
    difference from the default over 16 steps, relative to the largest move of a weight, and the
    first step that differs.

    Parameters
    ----------
    name
        A name that `freqopt list` shows, a type inside a problem or a study, such as Zipf or
        Source, or the path of a file of your own with a rule.
    json
        Print JSON only: the schema of the fields, the dialects, and what each value changes.
    """
    kind = _find(name)
    dialects = kind.dialects if issubclass(kind, Rule) else {}
    measured = list(effects(kind)) if issubclass(kind, Rule) else []
    nested = nested_types().get(name)
    about = inspect.getdoc(kind if nested else sys.modules[kind.__module__]) or ""
    if json:
        schema, changes = kind.model_json_schema(), [asdict(effect) for effect in measured]
        say_json({"about": about, "schema": schema, "dialects": dialects, "effects": changes})
        return 0
    say(f"{name}\n\n{about}\n")
    table(
        "fields",
        ("field", "default", "values", "meaning"),
        [
            (key, default(field), values(field.annotation), field.description or "")
            for key, field in kind.model_fields.items()
        ],
    )
    inside = [part for part, (_, users) in nested_types().items() for user in users
              if user.partition(".")[0] == name]  # fmt: skip
    if nested:
        say(f"used by {', '.join(nested[1])}")
    if inside:
        say(f"types inside it: {', '.join(inside)}; `freqopt explain {inside[0]}` shows one")
    if dialects:
        options = [
            (dialect, ", ".join(f"{key} = {value!r}" for key, value in changes.items()) or "-")
            for dialect, changes in dialects.items()
        ]
        table("dialects: the options with which it means the same", ("name", "options"), options)
    if measured:
        table(
            "what each value changes",
            ("field", "value", "used by", "difference", "from step"),
            [(effect.axis, *effect.words) for effect in measured],
        )
    return 0


def _find(name: str) -> type[BaseModel]:
    if name in rules or name.endswith(".py"):
        return rules[name]
    if name in problems:
        return problems[name]
    if name in (nested := nested_types()):
        return nested[name][0]
    known = [*rules, *problems, *nested]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}."
    raise RuleError(
        f"no rule, problem or type inside one is called {name!r}; {hint} `freqopt list` shows all"
    )
