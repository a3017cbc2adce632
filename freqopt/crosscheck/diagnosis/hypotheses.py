"""What may be wrong when no combination of options explains an implementation: one thing more.

In this order: a fault with a name, a number of another library or a slip in one, another rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from freqopt.crosscheck.cases.dialects import Case, made
from freqopt.crosscheck.diagnosis.meanings import (
    Meaning,
    Meanings,
    best,
    changes,
    dialects,
    meanings,
    numbers,
    search,
)
from freqopt.crosscheck.diagnosis.observed import Seen
from freqopt.crosscheck.diagnosis.option_sets import Box, axes, box_of
from freqopt.crosscheck.implementation import Implementation, reference, steps
from freqopt.crosscheck.mutants import mutants
from freqopt.errors import CrosscheckError
from freqopt.optimizers import Rule, rules

UNDESIRED = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 0.5, 0.9, 0.99)
"""Usual values of a decay or a momentum, where none was asked for."""


MOST_PLAIN = 24
"""Meanings of which changes without a difference are taken back."""


def apart(implementation: Implementation, rule: Rule, views: Sequence[Seen]) -> float:
    """How far an implementation is from what was seen; inf beyond the tolerance."""
    worst = 0.0
    for view in views:
        case = Case(view.exercise.name, rule, view.exercise)
        try:
            for t, table in enumerate(steps(implementation, case), start=1):
                worst = max(worst, view.ulps(table, t))
                if worst > view.tolerance:
                    return math.inf
        except CrosscheckError:
            return math.inf
    return worst


def faults(asked: Rule, bases: Sequence[Rule], views: Sequence[Seen]) -> Meanings:
    """A named mutant of one of these rules."""
    known = mutants(asked.name()) if asked.name() in rules else {}
    found = []
    for rule in bases:
        for name, implementation in known.items():
            ulps = apart(implementation, rule, views)
            if ulps < math.inf:
                plain = _plainer(asked, rule, implementation, views)
                found.append(Meaning(plain, ulps, mutant=name))
    return best(asked, found)


def _plainer(
    asked: Rule, rule: Rule, implementation: Implementation, views: Sequence[Seen]
) -> Rule:
    """The same without the changes that make no difference in what was seen."""
    for name, (old, _) in changes(asked, rule).items() if type(asked) is type(rule) else ():
        other = made(type(rule), {**dict(rule), name: old})
        if other is not None and apart(implementation, other, views) < math.inf:
            rule = other
    return rule


def other_numbers(asked: Rule, bases: Sequence[Rule], views: list[Seen]) -> Meanings:
    """One of these rules with another number, the first one also with one more option changed.

    Or with two decay rates swapped.
    Or a known implementation with all its own numbers, deaf to those that it was given.
    """
    kind = type(asked)
    own = (made(kind, options) for options in kind.dialects.values())
    boxes = [box_of(rule) for rule in own if rule is not None]
    for base in bases:
        free: list[Box] = [{}]
        if base is bases[0]:
            free += [{name: values} for name, values in axes(kind)]
        for name in numbers(base):
            likely = tuple(_likely(base, name))
            boxes += [{**box_of(base), **more, name: likely} for more in free if likely]
        for (one, first), (other, second) in combinations(_rates(base).items(), 2):
            boxes.append({**box_of(base), one: (second,), other: (first,)})
    found = [one for box in boxes for one in search(kind, [box], views)[0]]
    some = (
        replace(one, rule=_plainer(asked, one.rule, reference, views))
        for one in meanings(asked, kind, found)[:MOST_PLAIN]
    )
    return best(asked, some)


def _likely(rule: Rule, name: str) -> Iterator[Any]:
    """Other values that a number is likely to have by mistake."""
    kind, value = type(rule), getattr(rule, name)
    values = [kind.model_fields[name].default, None]
    values += [own[name] for k in rules for own in rules[k].dialects.values() if name in own]
    if isinstance(value, int):
        values += [value - 1, value + 1, 2 * value]
    elif value:
        values += [0.0, 2 * value, value / 2, value * value, math.sqrt(abs(value))]
        values += [10 * value, value / 10, -value]
    else:
        values += UNDESIRED
    for other in dict.fromkeys(values):
        if other != value and made(kind, {**dict(rule), name: other}):
            yield other


def other_rules(asked: Rule, views: list[Seen]) -> Meanings:
    """Another rule at its defaults or as a known implementation has it, under the numbers asked.

    Rows and duplicates are open. A decay rate that only the other rule has may be any rate asked.
    """
    found: list[Meaning] = []
    for name in rules:
        kind = rules[name]
        if kind is type(asked):
            continue
        given = {k: v for k, v in numbers(asked).items() if k in kind.model_fields}
        plain = made(kind, given)
        some = [plain] if plain is not None else []
        for rule in [*some, *(rule for _, _, rule in dialects(asked, kind))]:
            every = dict(axes(kind))
            box = {**box_of(rule), **{k: every[k] for k in ("rows", "duplicates")}}
            rates = [v for v in _rates(asked).values() if v]
            for rate, value in _rates(rule).items():
                if rate not in _rates(asked):
                    box[rate] = tuple(dict.fromkeys([value, *rates]))
            found += meanings(asked, kind, search(kind, [box], views)[0])
    return best(asked, found)


def _rates(rule: Rule) -> dict[str, float]:
    """The fields that lie in [0, 1): decay rates of running means, momenta."""
    return {
        name: getattr(rule, name)
        for name, info in type(rule).model_fields.items()
        if any(getattr(limit, "lt", None) == 1 for limit in info.metadata)
    }
