"""What every option changes: measured on the main exercise, in float64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from freqopt.crosscheck.cases.dialects import ACTS_WITH, Case, beside, made, number, other_values
from freqopt.crosscheck.cases.exercises import Exercise, exercises
from freqopt.crosscheck.compare import distance
from freqopt.crosscheck.diagnosis.option_sets import axes
from freqopt.crosscheck.implementation import reference, trace
from freqopt.optimizers import Rule
from freqopt.typing import Floats

ROUNDING = 64.0
"""Tables this close, in units in the last place, differ by rounding only."""


@dataclass(frozen=True)
class Effect:
    """One value of one option.

    Attributes
    ----------
    axis : str
    value : str, int or bool
    users : tuple of str
        Known implementations that have it.
    size : float
        Largest difference from the default, over the largest move of any weight at the default; 0
        where the two differ by rounding only or could not be compared.
    step : int
        The first step after which they differ, from 1; 0 if they do not.
    beside : str
        The options off their defaults in both; empty for none.
    is_default : bool
        Whether this is what the others are compared with.
    """

    axis: str
    value: Any
    users: tuple[str, ...]
    size: float
    step: int
    beside: str
    is_default: bool = False

    @property
    def words(self) -> tuple[str, str, str, str]:
        """The value, who uses it, the difference it makes, and from which step on."""
        if self.is_default:
            return f"{self.value} (default)", "the others" if self.users else "-", "-", "-"
        difference = f"{self.size:.2g}" if self.step else "none here"
        return (
            str(self.value),
            ", ".join(self.users) or "-",
            difference + (f" ({self.beside})" if self.beside else ""),
            str(self.step or "-"),
        )


def effects(kind: type[Rule]) -> Iterator[Effect]:
    """Every value of every option that is a choice.

    An option that changes nothing at the defaults is measured beside options that it acts with, or
    beside other numbers (`cases.other_values`), or both.
    """
    for axis, values in axes(kind):
        default = kind.model_fields[axis].default
        for value in values:
            users = tuple(
                name for name, own in kind.dialects.items() if own.get(axis, default) == value
            )
            if value == default:
                yield Effect(axis, value, users, 0.0, 0, "", is_default=True)
                continue
            tried = ((*_difference(a, b), label) for label, a, b in _pairs(kind, axis, value))
            size, step, label = next((one for one in tried if one[1]), (0.0, 0, ""))
            yield Effect(axis, value, users, size, step, label)


def _pairs(kind: type[Rule], axis: str, value: Any) -> Iterator[tuple[str, Rule, Rule]]:
    """The rule with the default and with the other value, beside options that it accepts."""
    acts = {k: v for k, v in ACTS_WITH.get(axis, {}).items() if k in kind.model_fields}
    acting = ", ".join(f"{k} = {v}" for k, v in acts.items())
    numbers = {k: v for k, v in other_values(kind) if number(kind.model_fields[k]) is not bool}
    for label, fixed, wanted in (
        ("", {}, {}),
        (acting, acts, {}),
        ("other numbers", {}, numbers),
        (f"{acting}, other numbers", acts, numbers),
    ):
        whole = beside(kind, {**fixed, axis: value}, wanted)
        needed = {k: v for k, v in whole.items() if k not in {**wanted, **fixed, axis: value}}
        same = {k: v for k, v in whole.items() if k != axis}
        alone = {k: v for k, v in same.items() if k not in needed}
        plain, other = made(kind, same) or made(kind, alone), made(kind, whole)
        if whole and plain is not None and other is not None:
            words = [label, *(f"{k} = {v}" for k, v in needed.items())]
            yield ", ".join(word for word in words if word), plain, other


def _difference(plain: Rule, other: Rule) -> tuple[float, int]:
    """Largest relative difference, and the first step after which there is one."""
    expected, got = _trace(plain), _trace(other)
    apart = np.flatnonzero((distance(expected, got) > ROUNDING).any(axis=(1, 2)))
    if not apart.size:
        return 0.0, 0
    move = np.abs(expected - expected[0]).max()
    return float(np.abs(got - expected).max() / move), int(apart[0])


def _trace(rule: Rule) -> Floats:
    return trace(reference, Case("main", rule, _main()))


@cache
def _main() -> Exercise:
    return exercises(np.float64)["main"]
