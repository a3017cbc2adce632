"""Each option of a rule at another value: the dialect that was not asked for."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator
from typing import Any

from freqopt.crosscheck.cases import KNOWN, number
from freqopt.crosscheck.implementation import Floats, Given, Implementation, Step, reference
from freqopt.errors import RuleError
from freqopt.optimizers import Rule

EQUIVALENT = {
    "nonfinite = raise": "every gradient of the exercises is finite",
    "nonfinite = skip": "every gradient of the exercises is finite",
    "nonfinite = propagate": "every gradient of the exercises is finite",
}


def mutants(rule: type[Rule]) -> dict[str, Implementation]:
    """Every choice at every value; every number at its default and an eighth smaller."""
    return {name: _with(field, change) for name, field, change in _changes(rule)}


def _changes(rule: type[Rule]) -> Iterator[tuple[str, str, Callable[[Any], Any]]]:
    """Name of the mutant, option, new value from the old one."""
    for name, field in rule.model_fields.items():
        kind, default = number(field), field.default
        is_choice = typing.get_origin(field.annotation) is typing.Literal
        choices = typing.get_args(field.annotation) if is_choice else (False, True)
        if kind is bool or (is_choice and len(choices) > 1):
            for choice in choices:
                yield f"{name} = {choice}", name, lambda _, choice=choice: choice
        if kind in (int, float) and name not in KNOWN:
            yield f"{name} left at {default}", name, lambda _, default=default: default
        if kind is int:
            yield f"{name} + 1", name, lambda old: None if old is None else old + 1
        if kind is float:
            yield f"{name} x 7/8", name, lambda old: None if old is None else 0.875 * old


def _with(name: str, change: Callable[[Any], Any]) -> Implementation:
    """The reference of the case's rule with one option changed, where the rule accepts that."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        options = rule.model_dump(exclude_unset=True)
        try:
            other = type(rule)(**{**options, name: change(getattr(rule, name))})
        except RuleError:
            other = rule
        return reference(other, table, given)

    return implementation
