"""One optimizer of another library: what it means, what it can be told, how it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.cases.dialects import KNOWN, Case
from freqopt.crosscheck.cases.exercises import Exercise, exercises
from freqopt.crosscheck.compare import compare
from freqopt.crosscheck.guests._library import Library, quiet
from freqopt.crosscheck.implementation import Given, Step, reference, trace
from freqopt.crosscheck.kit import WIDEST
from freqopt.errors import RuleError, UnsupportedError
from freqopt.optimizers import Rule, rules
from freqopt.typing import Floats, Integers

Arguments = dict[str, Any]
Called = Callable[[Integers, Floats, float], NDArray[Any]]
"""Takes one batch and its learning rate, returns the whole table."""

CALLER = ("lr", "lr_decay", "count_empty")
"""What every library leaves to its caller: the rate of each step, and whether to make one."""

LAWS: Mapping[str, Mapping[Any, Arguments]] = {"lr_decay_law": {"inverse": {}, "inverse_sqrt": {}}}
"""The choice that goes with them; a library that has one of its own lists its values."""

ROUNDING = 16.0
"""Reference traces that are closer than this, in ULP, differ by the order of operations only."""


@dataclass(frozen=True)
class Guest:
    """An implementation that belongs to someone else.

    Attributes
    ----------
    name : str
        "library.Optimizer".
    rule : str
        The rule that it is an implementation of.
    dialect : str or mapping
        What it is expected to mean: a dialect of that rule by its name, or options of the rule.
    library : Library
    make : callable (table, arguments) -> Called
        Makes the optimizer; it keeps the table.
    numbers : argument of the library -> field of the rule
    choices : field of the rule -> its possible values -> the library's arguments
    dtypes : tuple of str
    refuses : callable (rule) -> reason or ""
        Combinations that the library does not take.
    multiple : int
        The table's width must be a multiple of it.
    narrow : float
        Tolerance in float32, in ULP; where it is wider than the kit's, the note says why.
    note : str
        What a reader of the table of agreement should know.
    """

    name: str
    rule: str
    dialect: str | Mapping[str, Any]
    library: Library
    make: Callable[[Floats, Arguments], Called]
    numbers: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, Mapping[Any, Arguments]] = field(default_factory=dict)
    dtypes: tuple[str, ...] = ("float32", "float64")
    refuses: Callable[[Rule], str] = lambda rule: ""  # noqa: ARG005
    multiple: int = 1
    narrow: float = WIDEST[np.dtype(np.float32)]
    note: str = ""

    @property
    def values(self) -> Mapping[str, Mapping[Any, Arguments]]:
        """The choices, and those that are the caller's."""
        return {**LAWS, **self.choices}

    @property
    def options(self) -> tuple[str, ...]:
        """Fields of the rule that this guest can be told."""
        return tuple(dict.fromkeys((*CALLER, *self.numbers.values(), *self.values)))

    def tolerance(self, dtype: str) -> float:
        """Largest distance from the reference in ULP, on any case.

        Parameters
        ----------
        dtype : {"float32", "float64"}

        Returns
        -------
        float
        """
        return self.narrow if dtype == "float32" else WIDEST[np.dtype(dtype)]

    @property
    def own(self) -> dict[str, Any]:
        """The options of its dialect."""
        if isinstance(self.dialect, str):
            return rules[self.rule].dialects[self.dialect]
        return dict(self.dialect)

    @property
    def meaning(self) -> str:
        """What its dialect is called: by its own name, if it is not one of the rule's."""
        return self.dialect if isinstance(self.dialect, str) else self.name

    def __call__(self, rule: Rule, table: Floats, given: Given) -> Step:  # noqa: ARG002
        """As an implementation.

        Raises
        ------
        CrosscheckError
            The library is not installed; the message names the extra.
        UnsupportedError
            The guest does not have what the rule asks for, or not for such a table.
        """
        self.library.demand()
        reason = self.refusal(rule) or self.refusal_of_table(table)
        if reason:
            raise UnsupportedError(reason)
        last, t = table.copy(), 0
        with quiet():
            call = self.make(table, self.arguments(rule))

        def step(rows: Integers, grads: Floats) -> NDArray[Any]:
            nonlocal last, t
            if rows.size or rule.count_empty:
                t += 1
                with quiet():
                    last = call(rows, grads, rule.rate(t))
            return last

        return step

    def arguments(self, rule: Rule) -> Arguments:
        """The library's arguments for the options of the rule, `lr` always among them.

        Parameters
        ----------
        rule : Rule

        Returns
        -------
        dict
            The library's argument -> value; None is left out.
        """
        told = {argument: getattr(rule, name) for argument, name in self.numbers.items()}
        for name, values in self.values.items():
            told.update(values[getattr(rule, name)])
        return {"lr": rule.lr, **{key: value for key, value in told.items() if value is not None}}

    def refusal(self, rule: Rule) -> str:
        """Why the guest cannot mean this rule; empty if it can.

        A field that it cannot be told must be as in its dialect, or make no difference: adagrad
        without weight decay is the same on the touched rows and on all.

        Parameters
        ----------
        rule : Rule

        Returns
        -------
        str
        """
        if rule.name() != self.rule:
            return f"{self.name} is an implementation of rule {self.rule}, not of {rule.name()}"
        for name, values in self.values.items():
            if getattr(rule, name) not in values:
                only = " and ".join(map(repr, values))
                return f"{self.name} has {name} = {only} only, not {getattr(rule, name)!r}"
        mean = type(rule)(**self.own)
        strange = [
            name
            for name in type(rule).model_fields
            if name not in self.options and getattr(rule, name) != getattr(mean, name)
        ]
        told = {name: getattr(rule, name) for name in self.options}
        try:
            near = type(rule)(**{**self.own, **told}).completed(**KNOWN)
        except RuleError:
            near = None
        if strange and (near is None or not _same(rule, near)):
            what = ", ".join(f"{name} = {getattr(rule, name)!r}" for name in strange)
            return f"{self.name} cannot be told {what}"
        return self.refuses(rule)

    def refusal_of_table(self, table: Floats) -> str:
        """Why the guest cannot work on such a table; empty if it can.

        Parameters
        ----------
        table : float32 or float64 (N, d)
            Only its shape and dtype are looked at.

        Returns
        -------
        str
        """
        if table.dtype.name not in self.dtypes:
            return f"{self.name} works in {' and '.join(self.dtypes)}, not in {table.dtype.name}"
        if table.shape[1] % self.multiple:
            width = f"a width that is a multiple of {self.multiple}"
            return f"{self.name} needs {width}, not {table.shape[1]}"
        return ""


@lru_cache(maxsize=4096)
def _same(rule: Rule, near: Rule) -> bool:
    """Whether two rules mean the same on the main exercise, but for rounding."""
    if rule == near:
        return True
    one, other = (Case("", r, _main()) for r in (rule, near))
    return compare(one, trace(reference, one), trace(reference, other)).ulps <= ROUNDING


@lru_cache(maxsize=1)
def _main() -> Exercise:
    return exercises(np.float64)["main"]
