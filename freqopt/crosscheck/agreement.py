"""What a guest is judged on, and how it did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from freqopt.crosscheck.cases.dialects import KNOWN, Case, cases, other_values
from freqopt.crosscheck.cases.exercises import SEED, exercises
from freqopt.crosscheck.compare import Comparison, compare
from freqopt.crosscheck.guests import Guest
from freqopt.crosscheck.implementation import reference, trace
from freqopt.errors import RuleError
from freqopt.optimizers import Rule, rules
from freqopt.streams import Stream

DRAWS = 8
"""Sets of hyper-parameters that are drawn for a guest, beside those of the rule's own cases."""

QUICK = 2
"""The same where seconds count."""


@dataclass(frozen=True)
class Agreement:
    """One guest in one dtype against the reference.

    Attributes
    ----------
    guest : Guest
    dtype : str
    cases : int
    worst : Comparison
        Of the case with the largest distance.
    first : Comparison or None
        Of the first case beyond the guest's tolerance; None if there is none.
    """

    guest: Guest
    dtype: str
    cases: int
    worst: Comparison
    first: Comparison | None


def agreement(guest: Guest, dtype: str, *, quick: bool = False) -> Agreement:
    """Put a guest through all its cases.

    Parameters
    ----------
    guest : Guest
    dtype : str
        One of the guest's.
    quick : bool
        Its own dialect on the main exercise alone.

    Raises
    ------
    CrosscheckError
        The guest's library is not installed, or fails.
    """
    results = [
        compare(case, trace(reference, case), trace(guest, case), guest.tolerance(dtype))
        for case in guest_cases(guest, dtype, quick=quick)
    ]
    worst = max(results, key=lambda result: result.ulps)
    first = next((result for result in results if not result), None)
    return Agreement(guest, dtype, len(results), worst, first)


def guest_cases(guest: Guest, dtype: str, *, quick: bool = False) -> list[Case]:
    """All cases of the guest's rule that it can express, and drawn numbers in its dialect."""
    put, draws = exercises(dtype), QUICK if quick else DRAWS
    put = {"main": put["main"]} if quick else put
    own = {"default numbers": guest.own}
    own |= {f"draw {k}": options for k, options in enumerate(drawn(guest, draws))}
    found = [] if quick else cases(guest.rule, dtype)
    found += [
        Case(f"{guest.meaning}, {numbers}, {e.name}", _rule(guest, options), e)
        for numbers, options in own.items()
        for e in put.values()
    ]
    named = {case.name: case for case in found}
    return [
        case
        for case in named.values()
        if not guest.refusal_of_table(case.exercise.table) and not guest.refusal(case.rule)
    ]


def drawn(guest: Guest, draws: int = DRAWS, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """Options in the guest's dialect with drawn values of all that it can be told.

    Each option is moved with probability 3/4; a combination that the rule or the guest refuses is
    drawn again.
    """
    stream, attempt = Stream(seed, 0, f"guest {guest.name}"), 0
    mean, numbers = rules[guest.rule](**guest.own), dict(other_values(rules[guest.rule]))
    while draws:
        attempt += 1
        chance = stream.uniform(attempt, 2 * len(guest.options)).reshape(-1, 2).tolist()
        options = dict(guest.own)
        for name, (move, u) in zip(guest.options, chance, strict=True):
            if move < 1 / 4:
                continue
            if name not in guest.values:
                options[name] = _near(numbers[name], u)
                continue
            others = [value for value in guest.values[name] if value != getattr(mean, name)]
            if others:
                options[name] = others[int(u * len(others))]
        try:
            rule = _rule(guest, options)
        except RuleError:
            continue
        if not guest.refusal(rule):
            draws -= 1
            yield options


def _near(value: Any, u: float) -> Any:
    """A number within a factor, or a power, of 2 of the value; a switch as it is.

    Three digits, and whole numbers above 1: some libraries take no others.
    """
    if isinstance(value, bool):
        return value
    scale = 2 ** (2 * u - 1)
    return float(f"{value**scale:.3g}") if value < 1 else type(value)(round(value * scale))


def _rule(guest: Guest, options: dict[str, Any]) -> Rule:
    return rules[guest.rule](**options).completed(**KNOWN)
