"""A number of the rule that is taken for another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from freqopt.crosscheck.cases.dialects import KNOWN, made, number
from freqopt.crosscheck.implementation import Given, Implementation, Step, reference
from freqopt.crosscheck.mistakes.arithmetic import NARROW
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.optimizers import Rule
from freqopt.typing import Floats

_TAKEN: dict[str, Callable[[float], float]] = {
    "1 - {0} for {0}": lambda x: 1 - x,
    "the square of {0}": lambda x: x * x,
    "the root of {0}": lambda x: float(np.sqrt(x)),
    "1/{0} for {0}": lambda x: 1 / x,
    "-{0} for {0}": lambda x: -x,
    "2 {0} for {0}": lambda x: 2 * x,
    "half of {0}": lambda x: x / 2,
    "10 {0} for {0}": lambda x: 10 * x,
    "{0} / 10 for {0}": lambda x: x / 10,
    "1 + {0} for {0}": lambda x: 1 + x,
    "{0} rounded up to a whole number": lambda x: float(np.ceil(x)),
}


def settings(rule: Rule) -> Iterator[Mistake]:
    """Every number of a rule, and all decay rates together, taken for another."""
    fields = type(rule).model_fields
    numbers = [n for n, info in fields.items() if number(info) is float and getattr(rule, n)]
    cause = "the step is added where the rule subtracts it (-lr for lr)"
    yield Mistake(cause, _other(["lr"], lambda x: -x), -2)
    for name, info in fields.items():
        value, default = getattr(rule, name), info.default
        if value != default and name not in KNOWN:
            cause = f"{name} has no effect: {default} is used whatever is asked"
            yield Mistake(cause, partial(_set, {name: default}), -2)
        if number(info) is float and value and default:
            cause = f"{name} has no effect: 0 is used whatever is asked"
            yield Mistake(cause, partial(_set, {name: 0.0}), -2)
    for kind, narrow in NARROW.items():
        for name in numbers:
            yield Mistake(f"{name} goes through {kind}", _other([name], _narrowed(narrow)), -2)
    decays = [n for n in numbers if any(getattr(m, "lt", None) == 1 for m in fields[n].metadata)]
    for said, how in _TAKEN.items():
        for name in numbers:
            yield Mistake(f"takes {said.format(name)}", _other([name], how), 1)
        if len(decays) > 1:
            both = " and ".join(decays)
            yield Mistake(f"takes {said.format(both)}", _other(decays, how), 0)
    for place, one in enumerate(numbers):
        for other in numbers[place + 1 :]:
            yield Mistake(f"takes {one} for {other} and {other} for {one}", _exchanged(one, other))
            yield Mistake(f"takes {other} for {one}", partial(_copied, other, one), 1)
            yield Mistake(f"takes {one} for {other}", partial(_copied, one, other), 1)
    for zero in (n for n, info in fields.items() if number(info) is float and n not in numbers):
        for one in numbers:
            if made(type(rule), {**dict(rule), zero: getattr(rule, one)}) is not None:
                yield Mistake(f"takes {one} for {zero}", partial(_copied, one, zero), 0)


def _narrowed(narrow: Callable[[Any], Any]) -> Callable[[float], float]:
    return lambda x: float(narrow(np.float64(x)))


def _with(rule: Rule, changed: dict[str, Any]) -> Rule:
    return rule.model_copy(update=changed)


def _other(names: list[str], how: Callable[[float], float]) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        new = {name: how(getattr(rule, name)) for name in names if getattr(rule, name)}
        return reference(_with(rule, new), table, given)

    return implementation


def _exchanged(one: str, other: str) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        new = {one: getattr(rule, other), other: getattr(rule, one)}
        return reference(_with(rule, new), table, given)

    return implementation


def _set(changed: dict[str, Any], rule: Rule, table: Floats, given: Given) -> Step:
    new = made(type(rule), {**dict(rule), **changed})
    return reference(new if new is not None else _with(rule, changed), table, given)


def _copied(source: str, target: str, rule: Rule, table: Floats, given: Given) -> Step:
    return reference(_with(rule, {target: getattr(rule, source)}), table, given)
