"""Does each option of a rule's own do anything?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from freqopt._fields import choices
from freqopt.check.journal import Journal
from freqopt.check.rule.put import off_default
from freqopt.check.rule.runs import StepError, first_difference, run
from freqopt.crosscheck.cases.dialects import KNOWN, Case, made, number
from freqopt.optimizers import Rule


def check_options(kind: type[Rule], on: list[Case], notes: Journal) -> None:
    """A choice that changes no bit, and a number that nothing reads, is a fault."""
    notes.doing("what each option changes")
    decayed = made(kind, {"lr_decay": 0.25})
    if decayed is not None and not _differ(replace(on[0], rule=decayed), on[0].rule):
        notes.left("lr_decay, which changes nothing: update does not ask self.rate(s.t)")
    for name in _declared(kind):
        field = kind.model_fields[name]
        choice = number(field) in (None, bool)
        for value in [v for v in choices(field) if v != field.default] if choice else [None]:
            if _acts(kind, on, name, value):
                continue
            said = name if value is None else f"{name} = {value!r}"
            if choice or not _is_read(kind, on[0], name):
                notes.fault(
                    f"the option {said} changes nothing, in any case that was tried: it is "
                    f"ignored; look for self.{name} in update, line "
                    f"{kind.update.__code__.co_firstlineno} of {kind.update.__code__.co_filename}"
                )
            else:
                notes.left(f"the option {said}, which changes nothing in any case that was tried")


def _declared(kind: type[Rule]) -> list[str]:
    """The user's own fields; one that a rule of the library has may be of no use in theirs."""
    library = [
        c for c in kind.__mro__ if c.__module__.startswith("freqopt.") and issubclass(c, Rule)
    ]
    inherited = {name for c in library for name in c.model_fields}
    return [n for n in kind.model_fields if n not in inherited and n not in KNOWN]


def _acts(kind: type[Rule], on: list[Case], name: str, value: Any) -> bool:
    """Whether a case with the option off its default differs from the one with its default.

    Two options that are refused without each other go together.
    """
    for case in _with(kind, on, name, value):
        options = {k: v for k, v in off_default(case.rule).items() if k != name}
        fewer = ({k: v for k, v in options.items() if k != other} for other in options)
        plain = next(filter(None, (made(kind, one) for one in (options, *fewer))), None)
        if plain is not None and _differ(case, plain):
            return True
    return False


def _differ(case: Case, plain: Rule) -> bool:
    """Whether a case leaves other numbers behind than with the plain rule."""
    try:
        return bool(first_difference(case, run(case), run(replace(case, rule=plain)), ("", "")))
    except StepError:  # it is said elsewhere, and shows that the option does something
        return True


def _with(kind: type[Rule], on: list[Case], name: str, value: Any) -> Iterator[Case]:
    """Cases that have the option off its default; then beside every other choice."""
    default = kind.model_fields[name].default
    off = [
        case
        for case in on
        if getattr(case.rule, name) != default and value in (None, getattr(case.rule, name))
    ]
    yield from off
    numbers = list({getattr(case.rule, name) for case in off}) if value is None else [value]
    for other, field in kind.model_fields.items():
        for choice in choices(field) if other != name else ():
            for chosen in numbers:
                rule = made(kind, {name: chosen, other: choice})
                if rule is not None:
                    yield replace(on[0], rule=rule)


def _is_read(kind: type[Rule], case: Case, name: str) -> bool:
    """Whether a step asks the rule for the option."""
    with _noted(kind) as read:
        run(case)
    return name in read


@contextmanager
def _noted(kind: type[Rule]) -> Iterator[set[str]]:
    """The attributes of the rule that are asked for meanwhile."""
    read, fields = set[str](), kind.model_fields

    def noted(rule: Rule, name: str) -> Any:
        if name in fields:
            read.add(name)
        return object.__getattribute__(rule, name)

    with patch.object(kind, "__getattribute__", noted):
        yield read
