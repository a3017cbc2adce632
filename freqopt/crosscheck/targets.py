"""What can be judged by a name: a user's own file, a guest, a backend."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from freqopt.backends import backends
from freqopt.crosscheck.agreement import guest_cases
from freqopt.crosscheck.backends import cupy, numba
from freqopt.crosscheck.cases.dialects import Case
from freqopt.crosscheck.cases.options import read_options
from freqopt.crosscheck.cases.selection import chosen_cases
from freqopt.crosscheck.exchange.python_file import own_implementation
from freqopt.crosscheck.guests import Guest, guests
from freqopt.crosscheck.implementation import Implementation, slow_reference
from freqopt.crosscheck.judge import Tolerance
from freqopt.crosscheck.life import Group
from freqopt.errors import BackendError, CrosscheckError
from freqopt.optimizers import rules

BACKENDS: dict[str, Implementation] = {
    "numba": numba,
    "cupy": cupy,
    "slow_reference": slow_reference,
}
"""What the project itself has beside the reference."""


@dataclass(frozen=True)
class Target:
    """What is judged, and on what.

    Attributes
    ----------
    name : str
        As the user calls it.
    rule : str
    implementation : Implementation
    on : list of Case, or None
        What it is judged on; None if it is asked what it accepts.
    ulps : float or None
        Its own tolerance; None for that of the cases.
    dialect : dict
        Choices and numbers that it says it has, where it is asked.
    group : callable or None
        What makes an optimizer of several tables.
    """

    name: str
    rule: str
    implementation: Implementation
    on: list[Case] | None
    ulps: float | Tolerance | None = None
    dialect: Mapping[str, Any] = field(default_factory=dict)
    group: Group | None = None


@dataclass(frozen=True)
class Wish:
    """What the user asks for beside the name.

    Attributes
    ----------
    rule : str or None
    dtypes : sequence of str
    options : mapping
        Of the rule; empty for all cases.
    dialect : str
        Choices and numbers that the implementation is meant to have: the name of a known one, or
        KEY=VALUE separated by commas.
    thorough : bool
        Whether rows and counts beyond 2^24 are judged.
    """

    rule: str | None
    dtypes: Sequence[str]
    options: Mapping[str, Any]
    dialect: str = ""
    thorough: bool = False

    def own(self, rule: str, stated: Mapping[str, Any] | str = "") -> Mapping[str, Any]:
        """The dialect that is wished for, else the one that a file states."""
        wished = self.dialect or stated
        if not isinstance(wished, str) or not wished:
            return dict(wished or {})
        if "=" in wished:
            return read_options(wished.split(","), "--dialect" if self.dialect else "DIALECT")
        known = rules[rule].dialects
        if wished not in known:
            raise CrosscheckError(
                f"{rule} has no dialect {wished!r}; known: {', '.join(known) or 'none'}; "
                "one of your own is --dialect rows=all,epsilon_place=inside, or DIALECT = {...} "
                "in the file"
            )
        return known[wished]

    def cases(self, rule: str) -> list[Case]:
        """The cases of a rule that answer the wish."""
        return chosen_cases(rule, self.dtypes, self.options)


def find_targets(name: str, wish: Wish) -> list[Target]:
    """What a name means: one target, or one a rule for a backend.

    Raises
    ------
    CrosscheckError
        Nothing has that name, or it does not fit the wish.
    BackendError
        This machine cannot run it.
    """
    if name.endswith(".py"):
        own = own_implementation(Path(name), wish.rule)
        dialect = wish.own(own.rule, own.dialect)
        return [Target(name, own.rule, own.implementation, None, dialect=dialect, group=own.group)]
    if name in BACKENDS:
        return _backend(name, wish)
    if name in guests:
        return [_guest(guests[name], wish)]
    known = [*BACKENDS, *guests]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}."
    raise CrosscheckError(
        f"there is nothing called {name!r} to judge; {hint} A file of your own is given by its "
        "path, ending in .py; a program by --exec"
    )


def all_targets(wish: Wish) -> Iterator[Target]:
    """Every guest that is installed, and every backend."""
    for guest in guests.values():
        if guest.library.present and wish.rule in (None, guest.rule):
            yield _guest(guest, wish)
    for name in BACKENDS:
        if not _lacking(name):
            yield from _backend(name, wish)


def absent() -> list[str]:
    """Guests and backends that cannot run here, each with what to do about it."""
    missing = {g.name: g.library.absence for g in guests.values() if not g.library.present}
    missing |= {name: lacking for name in BACKENDS if (lacking := _lacking(name))}
    return [f"{name}: {reason}" for name, reason in missing.items()]


def _lacking(name: str) -> str:
    """What a backend lacks on this machine; empty if nothing."""
    try:
        _demand(name)
    except BackendError as error:
        return str(error)
    return ""


def _demand(name: str) -> None:
    """Refuse a backend that this machine cannot run."""
    if name in backends:
        backends[name]()


def _guest(guest: Guest, wish: Wish) -> Target:
    guest.library.demand()
    if wish.rule not in (None, guest.rule):
        raise CrosscheckError(f"{guest.name} implements {guest.rule}, not {wish.rule}")
    if wish.options:
        on = chosen_cases(guest.rule, wish.dtypes, {**guest.own, **wish.options})
    else:
        on = [case for dtype in wish.dtypes for case in guest_cases(guest, dtype)]
    return Target(guest.name, guest.rule, guest, on, guest.tolerance)


def _backend(name: str, wish: Wish) -> list[Target]:
    """A backend has the reference's bits: no tolerance."""
    _demand(name)
    chosen = [wish.rule] if wish.rule else list(rules)
    return [Target(name, rule, BACKENDS[name], wish.cases(rule), 0.0) for rule in chosen]
