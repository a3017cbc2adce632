"""The cases that a rule is judged on: dialects, each with default and with other numbers."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from pydantic.fields import FieldInfo

from freqopt._fields import choices
from freqopt.crosscheck.cases.exercises import Exercise, exercises
from freqopt.errors import FreqoptError, RuleError
from freqopt.optimizers import Rule, rules

KNOWN = {"horizon": 16, "smoothness": 2.0, "batch": 2, "seed": 7, "run": 0}
"""What a run would tell a rule whose fields are left open."""

Options = Mapping[str, Any]

LIMITS = {"clip": 2.0, "max_norm": 3.0, "padding_row": 2, "max_age": 4}
"""Bounds that act on some rows and not on others; apart, for they hide what happens below them."""

ACTS_WITH: dict[str, dict[str, Any]] = {  # options without which a choice changes nothing
    "decay_rows": {"decay": "decoupled", "rows": "touched"},
    "clip_scope": {"clip": LIMITS["clip"]},
    "acceptance_test": {"policy": "random"},
    "threshold": {"aggregation": "min"},
    "cap": {"lr": 0.5},
    "kappa_zero": {"kappa": 0.0, "momentum": 0.75},
    "kappa_in_place": {"aggregation": "min", "kappa_role": "factor"},
}

_OTHER = {  # a value off the default, by the field's name, where the kind of number is not enough
    "lr": 0.0625,
    "lr_decay": 0.125,
    "weight_decay": 0.1875,
    "epsilon": 0.001,
    "momentum": 0.75,
    "beta1": 0.6875,
    "beta2": 0.9375,
    "dampening": 0.25,
    "capacity": 3,
    "priority_decay": 0.875,
    "exponent": 0.75,
    "halflife": 3.0,
}


@dataclass(frozen=True)
class Case:
    """One rule with all its options, put through one exercise.

    Attributes
    ----------
    name : str
        Dialect, numbers and exercise: ``"torch.SparseAdam, other numbers, main"``.
    rule : Rule
    exercise : Exercise
    life : str
        What happens to the optimizer beside its steps, in a folder of files; empty if nothing does.
    """

    name: str
    rule: Rule
    exercise: Exercise
    life: str = ""

    @property
    def given(self) -> dict[str, NDArray[Any]]:
        """Slots of the rule's state that are handed in (token frequencies)."""
        table = self.exercise.table
        shape = (table.shape[0], table.shape[1])
        wanted = {s.name: s.shape(shape) for s in self.rule.all_slots() if s.given}
        return self.exercise.given(wanted)

    def in_dtype(self, dtype: DTypeLike) -> Case:
        """The same case in the other dtype; every number of an exercise is exact in both.

        Parameters
        ----------
        dtype : float32 or float64

        Returns
        -------
        Case
        """
        batches = tuple((rows, grads.astype(dtype)) for rows, grads in self.exercise.batches)
        table = self.exercise.table.astype(dtype)
        return replace(self, exercise=replace(self.exercise, table=table, batches=batches))


def cases(name: str, dtype: DTypeLike = np.float64) -> list[Case]:
    """Every dialect and every choice of a rule on the main exercise, the defaults on all.

    Parameters
    ----------
    name : str
        A rule's name, or the path of a user's own file with a rule.
    dtype : float32 or float64

    Returns
    -------
    list of Case

    Raises
    ------
    RuleError
        No rule has that name.
    """
    return cases_of(rules[name], dtype)


def cases_of(rule: type[Rule], dtype: DTypeLike = np.float64) -> list[Case]:
    """The cases of a class of rules, which need not be found by a name; else as `cases`."""
    put = exercises(dtype)
    own = list(_numbers(rule, "defaults", {}))
    on_main = [*own, *_chosen(rule)]
    for dialect, options in rule.dialects.items():
        on_main += _numbers(rule, dialect, options)
    return [
        Case(f"{label}, {exercise.name}", _rule(rule, options), exercise)
        for exercise in put.values()
        for label, options in (on_main if exercise.name == "main" else own)
    ]


def _numbers(rule: type[Rule], dialect: str, options: Options) -> Iterator[tuple[str, Options]]:
    """A dialect with default numbers, with others, and with limits."""
    limits = {name: value for name, value in LIMITS.items() if name in rule.model_fields}
    yield f"{dialect}, default numbers", options
    yield f"{dialect}, other numbers", beside(rule, options, dict(other_values(rule)))
    yield f"{dialect}, limits", {**limits, **options}


def _chosen(rule: type[Rule]) -> Iterator[tuple[str, Options]]:
    """Every choice with other numbers, and with what it needs before it acts."""
    for axis, choice in _choices(rule):
        acts = {k: v for k, v in ACTS_WITH.get(axis, {}).items() if k in rule.model_fields}
        others = dict(other_values(rule))
        options = beside(rule, {axis: choice, **acts}, others)
        options = options or beside(rule, {axis: choice}, {**acts, **others})
        if options and axis != "nonfinite":  # no batch here is infinite
            yield f"{axis} = {choice}, other numbers", options


def beside(rule: type[Rule], fixed: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Fixed options, and those of the wanted ones that the rule accepts beside them.

    What the rule refuses (a half-life without a decayed counter) stays at its default. If it
    refuses the fixed options, one more is given with them; if that does not help, the result is
    empty.
    """
    whole = {**wanted, **fixed}
    if _accepts(rule, whole):
        return whole
    options = _with_what_it_needs(rule, dict(fixed))
    for name, value in wanted.items() if options or not fixed else ():
        if name in rule.model_fields and name not in options:
            more = {**options, name: value}
            options = more if _accepts(rule, more) else options
    return options


def _choices(rule: type[Rule]) -> Iterator[tuple[str, Any]]:
    """Every value of every choice between names and of every switch, where others do not have it.

    With default numbers a choice is at its default, with other numbers a switch is off it; what
    acts only with other options is put beside them at every value.
    """
    for name, field in rule.model_fields.items():
        for value in choices(field):
            other = (value == field.default) is (number(field) is bool)
            if other or name in ACTS_WITH:
                yield name, value


def _with_what_it_needs(rule: type[Rule], options: dict[str, Any]) -> dict[str, Any]:
    """The options, with one more if the rule refuses them alone; empty if that does not help."""
    if _accepts(rule, options):
        return options
    others = [*other_values(rule), *_choices(rule)]
    more = ({**options, name: value} for name, value in others if name not in options)
    return next((whole for whole in more if _accepts(rule, whole)), {})


def _rule(rule: type[Rule], options: Mapping[str, Any]) -> Rule:
    return rule(**options).completed(**KNOWN)


def _accepts(rule: type[Rule], options: Mapping[str, Any]) -> bool:
    try:
        _rule(rule, options)
    except RuleError:
        return False
    return True


def other_values(rule: type[Rule]) -> Iterator[tuple[str, Any]]:
    """A value off the default for every number and switch.

    Parameters
    ----------
    rule : type
        A class of rules.

    Yields
    ------
    tuple of (str, value)
        A field's name and the value.
    """
    for name, field in rule.model_fields.items():
        kind = number(field)
        if name in KNOWN or name in LIMITS or kind is None:
            continue
        if name in _OTHER:
            yield name, _OTHER[name]
        elif kind is bool:
            yield name, not field.default
        elif kind is int:
            yield name, (field.default or 0) + 2
        else:
            yield name, 0.625 * field.default if field.default else 0.5


def number(field: FieldInfo) -> Any:
    """Float, int or bool; None for a choice between names."""
    kind = field.annotation
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = next(k for k in typing.get_args(kind) if k is not type(None))
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    return kind if kind in (float, int, bool) else None


def made(kind: type[Rule], options: dict[str, Any]) -> Rule | None:
    """The rule with these options; None if it refuses them."""
    try:
        return kind(**options).completed(**KNOWN)
    except FreqoptError:
        return None
