"""Each option of a rule at another value: the dialect that was not asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from freqopt._fields import choices
from freqopt.crosscheck.cases.dialects import KNOWN, cases, number
from freqopt.crosscheck.implementation import Given, Implementation, Step, reference
from freqopt.errors import RuleError
from freqopt.optimizers import Rule, rules
from freqopt.typing import Floats

EQUIVALENT = {
    "nonfinite = raise": "every gradient of the exercises is finite",
    "nonfinite = skip": "every gradient of the exercises is finite",
    "nonfinite = propagate": "every gradient of the exercises is finite",
}


def mutants(name: str) -> dict[str, Implementation]:
    """Every choice at every value; every number at its default, at 0 and an eighth smaller."""
    found = {name: OtherOption(field, change) for name, field, change in _changes(rules[name])}
    put = [case.rule for case in cases(name)]
    return {name: other for name, other in found.items() if any(map(other.applies, put))}


@dataclass(frozen=True)
class OtherOption:
    """The reference with one option changed, where the rule accepts it beside the others.

    Attributes
    ----------
    field : str
    change : old value -> new value
    """

    field: str
    change: Callable[[Any], Any]

    def __call__(self, rule: Rule, table: Floats, given: Given) -> Step:
        return reference(self.changed(rule), table, given)

    def applies(self, rule: Rule) -> bool:
        """Whether the change makes another rule of this one."""
        return self.changed(rule) != rule

    def changed(self, rule: Rule) -> Rule:
        """The rule with the option changed, or as it is if it refuses that."""
        options = rule.model_dump(exclude_unset=True)
        try:
            return type(rule)(**{**options, self.field: self.change(getattr(rule, self.field))})
        except RuleError:
            return rule


def _changes(rule: type[Rule]) -> Iterator[tuple[str, str, Callable[[Any], Any]]]:
    """Name of the mutant, option, new value from the old one."""
    for name, field in rule.model_fields.items():
        kind, default = number(field), field.default
        for choice in choices(field):
            yield f"{name} = {choice}", name, partial(_always, choice)
        if kind in (int, float) and name not in KNOWN:
            yield f"{name} left at {default}", name, partial(_always, default)
        if kind is int:
            yield f"{name} + 1", name, lambda old: old if old is None else old + 1
        if kind is float:
            yield f"{name} = 0", name, partial(_always, 0.0)
            yield f"{name} x 7/8", name, lambda old: old if old is None else 0.875 * old


def _always(value: Any, _old: Any) -> Any:
    return value
