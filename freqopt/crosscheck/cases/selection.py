"""Cases that an implementation is judged on: all of a rule, or those of the user's options."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from freqopt.crosscheck.cases.dialects import KNOWN, Case, cases, other_values
from freqopt.crosscheck.cases.exercises import exercises
from freqopt.errors import CrosscheckError, RuleError
from freqopt.optimizers import Rule, rules

DTYPES = ("float32", "float64")


def chosen_cases(
    rule: str, dtypes: Iterable[DTypeLike], options: Mapping[str, Any] | None = None
) -> list[Case]:
    """Cases of a rule in some dtypes.

    Without options all of them, and each number, switch and choice off its default beside the rate
    alone: what an implementation that has few options can be judged on. With options the rule with
    them on all exercises.

    Raises
    ------
    RuleError
        No rule has that name, or it does not take the options.
    """
    if not options:
        return [c for dtype in dtypes for c in (*cases(rule, dtype), *_single(rule, dtype))]
    own = rules[rule](**options).completed(**KNOWN)
    said = ", ".join(f"{name} = {value}" for name, value in options.items())
    return [
        Case(f"{said}, {exercise.name}", own, exercise)
        for dtype in dtypes
        for exercise in exercises(dtype).values()
    ]


def dtypes_of(dtype: DTypeLike) -> tuple[str, ...]:
    """The dtypes that float32, float64 or "both" means."""
    if isinstance(dtype, str) and dtype == "both":
        return DTYPES
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = ""
    if name not in DTYPES:
        raise CrosscheckError(f"dtype is {dtype!r}, expected 'float32', 'float64' or 'both'")
    return (name,)


def _single(name: str, dtype: DTypeLike) -> Iterator[Case]:
    """One option off its default, and the rate."""
    rule, main = rules[name], exercises(dtype)["main"]
    others = dict(other_values(rule))
    for option, value in [*others.items(), *_choices(rule)]:
        try:
            one = rule(**{"lr": others["lr"], option: value}).completed(**KNOWN)
        except RuleError:  # it means nothing without another option
            continue
        yield Case(f"{option} = {value} alone, main", one, main)


def _choices(rule: type[Rule]) -> Iterator[tuple[str, Any]]:
    for name, field in rule.model_fields.items():
        if typing.get_origin(field.annotation) is typing.Literal and name != "nonfinite":
            for value in typing.get_args(field.annotation):
                if value != field.default:
                    yield name, value
