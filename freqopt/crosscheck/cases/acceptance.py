"""What an implementation accepts, found by asking it, and the options that it is then judged under.

Most optimizers lack most options of a rule, and some have one choice only where the rule has
another as its default (dense rows). So every dialect's choices are offered first, then each option
alone beside those that were accepted (a `Base`). What was accepted is then combined: each alone,
all together, all but one, and drawn combinations of drawn numbers until every accepted pair has
been off its default together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from freqopt import _fields
from freqopt.crosscheck.cases.dialects import (
    ACTS_WITH,
    KNOWN,
    LIMITS,
    Case,
    number,
    other_values,
)
from freqopt.crosscheck.cases.exercises import SEED, Exercise
from freqopt.errors import RuleError
from freqopt.optimizers import Rule
from freqopt.streams import Stream

Options = dict[str, Any]
Accepts = Callable[[Rule], bool]
"""Whether the implementation takes a rule with all its options; it may refuse any."""

BASES = 4
"""Bases that are judged in full; further ones with all options together alone."""

DECAYS = {"weight_decay": 0.1875}
"""What stands beside an option of weight decay."""

DRAWS = 8
"""Drawn combinations for each base, at least."""

MOST = 24
"""Drawn combinations for each base, at most: pairs that are left are said to be not judged."""


@dataclass(frozen=True)
class Base:
    """Choices that are accepted, and what is accepted beside them.

    Attributes
    ----------
    name : str
        The dialect, or the choice.
    options : dict
    alone : dict, option -> values
        Values off the base's that are accepted alone, or with what they need.
    needs : dict, (option, value as text) -> options
        What must stand beside a value: without momentum there is no dampening.
    """

    name: str
    options: Options
    alone: dict[str, list[Any]] = field(default_factory=dict)
    needs: dict[tuple[str, str], Options] = field(default_factory=dict)

    def with_(self, options: Options, name: str, value: Any) -> Options:
        """The options and one value more, with what it needs where nothing stands yet."""
        needed = self.needs.get((name, repr(value)), {})
        return {**needed, **options, name: value}


class Acceptance:
    """The bases of an implementation and the cases that follow.

    Parameters
    ----------
    kind : type of Rule
    accepts : callable (rule) -> bool
    own : dict, optional
        A dialect that the implementation is said to have: the only base.
    """

    def __init__(self, kind: type[Rule], accepts: Accepts, own: Options | None = None) -> None:
        self.kind, self._accepts = kind, accepts
        self._asked: dict[str, bool] = {}
        self.bases: list[Base] = []
        for name, options in self._offered() if own is None else [("own dialect", own)]:
            reached = any(_reached(kind, base, options) for base in self.bases)
            if not reached and self.accepted(options):
                self.bases.append(self._filled(name, options))

    def accepted(self, options: Mapping[str, Any]) -> bool:
        """Whether the rule and the implementation take these options."""
        return self.made(options) is not None

    def made(self, options: Mapping[str, Any]) -> Rule | None:
        """The rule with these options, as the implementation takes it; None if either refuses.

        What a run would tell it is filled in, or left open: an implementation may refuse a horizon
        that its form of the rule does not have.
        """
        try:
            plain = self.kind(**options)
        except RuleError:
            return None
        for rule in (plain.completed(**KNOWN), plain):
            key = repr(rule)
            if key not in self._asked:
                self._asked[key] = self._accepts(rule) and (rule is not plain or complete(rule))
            if self._asked[key]:
                return rule
        return None

    # -- what is accepted ----------------------------------------------------------------------

    def _offered(self) -> Iterator[tuple[str, Options]]:
        """Sets of choices that an implementation may have; pairs only if it has none alone."""
        yield "defaults", {}
        for dialect, options in self.kind.dialects.items():
            named = {k: v for k, v in options.items() if number(self.kind.model_fields[k]) is None}
            yield dialect, named
            yield dialect, options
        for name, value in choices(self.kind):
            yield f"{name} = {value}", {name: value}
        for (one, first), (other, second) in combinations(choices(self.kind), 2):
            if one != other and not self.bases:
                yield f"{one} = {first}, {other} = {second}", {one: first, other: second}

    def _filled(self, name: str, options: Options) -> Base:
        """The base with every option that is accepted alone beside it."""
        base = Base(name, options)
        for option, value in off(self.kind, options):
            needed = self._needed(options, option, value)
            if needed is not None:
                base.alone.setdefault(option, []).append(value)
                base.needs[option, repr(value)] = needed
        self._fill_beside_choices(base)
        self._fill_in_threes(base)
        return base

    def _fill_beside_choices(self, base: Base) -> None:
        """Options that are accepted beside another choice only: weight decay, if decoupled."""
        named = [n for n in base.alone if number(self.kind.model_fields[n]) is None]
        some = [(name, value) for name in named for value in base.alone[name]]
        for option, value in off(self.kind, base.options):
            if option in base.alone and value in base.alone[option]:
                continue
            for name, choice in some:
                needed = {**base.needs[name, repr(choice)], name: choice}
                needed.pop(option, None)  # it has the value
                if name != option and self.accepted({**base.options, **needed, option: value}):
                    base.alone.setdefault(option, []).append(value)
                    base.needs[option, repr(value)] = needed
                    break

    def _fill_in_threes(self, base: Base) -> None:
        """Weight decay of one kind and in some rows only: three options that come together."""
        kinds, places = (
            [value for option, value in off(self.kind, base.options) if option == name]
            for name in ("decay", "decay_rows")
        )
        if "weight_decay" in base.alone or "weight_decay" in base.options:
            return
        for three in (
            {**DECAYS, "decay": kind, "decay_rows": rows} for kind in kinds for rows in places
        ):
            if self.accepted({**base.options, **three}):
                for name, value in three.items():
                    if value not in base.alone.setdefault(name, []):
                        base.alone[name].append(value)
                    needed = {k: v for k, v in three.items() if k != name}
                    base.needs.setdefault((name, repr(value)), needed)

    def _needed(self, options: Options, option: str, value: Any) -> Options | None:
        """What must stand beside a value; None if it is not accepted even so."""
        new = {**options, option: value}
        beside = {**ACTS_WITH.get(option, {}), **(DECAYS if option.startswith("decay") else {})}
        acts = {k: v for k, v in beside.items() if k not in new}
        if self.accepted(new):
            return acts if acts and self.accepted({**new, **acts}) else {}
        if _refused(self.kind, new):
            for other, second in off(self.kind, options):
                if other != option and self.accepted({**new, other: second}):
                    return {other: second}
        return None

    # -- what is judged ------------------------------------------------------------------------

    def together(self, base: Base, names: Iterable[str]) -> Options:
        """As many of the named options of a base at once as are accepted."""
        options = dict(base.options)
        for name in names:
            for value in base.alone[name]:
                more = base.with_(options, name, value)
                if options.get(name, base.options.get(name)) == base.options.get(name):
                    options = more if self.accepted(more) else options
        return options

    def chosen(self) -> Iterator[tuple[str, Options]]:
        """Labels and options of everything that is judged."""
        for place, base in enumerate(self.bases):
            yield base.name, base.options
            whole = self.together(base, base.alone)
            yield f"{base.name}: all together", whole
            left = [name for name in base.alone if name not in whole]
            if left:
                yield f"{base.name}: the others together", self.together(base, [*left, *base.alone])
            if place < BASES:
                yield from self._singly(base, whole)
                yield from self._drawn(base)

    def _singly(self, base: Base, whole: Options) -> Iterator[tuple[str, Options]]:
        """Each option alone beside another rate, and all but it."""
        rate = {"lr": base.alone["lr"][0]} if "lr" in base.alone else {}
        for name, values in base.alone.items():
            for value in values:
                more = base.with_({**base.options, **rate}, name, value)
                if self.accepted(more):
                    yield f"{base.name}: {name} = {value} alone", more
        for name in base.alone:
            if name in whole and len(base.alone) > 2:
                rest = [other for other in base.alone if other != name]
                yield f"{base.name}: all but {name}", self.together(base, rest)

    def _drawn(self, base: Base) -> Iterator[tuple[str, Options]]:
        """Drawn combinations, until every accepted pair was off together or `MOST` are drawn.

        Each has one pair that was not together yet, the rate, and every other option with
        probability 1/2, as far as they are accepted together.
        """
        stream = Stream(SEED, 0, f"drawn {self.kind.name()} {base.name}")
        left = set(combinations(sorted(base.alone), 2))
        for k in range(MOST if base.alone else 0):
            if not left and k >= DRAWS:
                return
            u = stream.uniform(k, 4 * len(base.alone)).reshape(-1, 4).tolist()
            drawn = dict(zip(base.alone, u, strict=True))
            first: tuple[str, ...] = min(left) if left else ()
            others = [n for n in base.alone if n == "lr" or drawn[n][0] < 0.5]
            options = dict(base.options)
            for name in (*first, *sorted(set(others) - set(first), key=lambda n: drawn[n][1])):
                options = self._with_drawn(base, options, name, drawn[name][2:])
            moved = [n for n in options if options[n] != base.options.get(n, self._default(n))]
            left -= {first, *combinations(sorted(moved), 2)}
            yield f"{base.name}: drawn {k}", options

    def _with_drawn(self, base: Base, options: Options, name: str, u: list[float]) -> Options:
        """The options with one more at a drawn value, if it is accepted beside them."""
        value = base.alone[name][int(u[0] * len(base.alone[name]))]
        near = value if name in ("padding_row", "max_age") else nearby(value, u[1])
        for one in (near, value):
            more = {**base.with_(options, name, value), name: one}
            if self.accepted(more):
                return more
        return options

    # -- what is not judged --------------------------------------------------------------------

    def unjudged(self, judged: Iterable[Rule]) -> list[str]:
        """Accepted options, and pairs of them, that none of these rules has off the default."""
        seen: set[tuple[str, ...]] = set()
        for rule in judged:
            fields = sorted(self.kind.model_fields)
            moved = [name for name in fields if getattr(rule, name) != self._default(name)]
            seen |= {*((name,) for name in moved), *combinations(moved, 2)}
        found = []
        for base in self.bases:
            found += [n for n in base.alone if (n,) not in seen and n not in base.options]
            for pair in combinations(sorted(base.alone), 2):
                if pair not in seen and self._accepts_pair(base, *pair):
                    found.append(" with ".join(pair))
        return list(dict.fromkeys(found))

    def refused(self) -> list[str]:
        """Options that are accepted at no other value than one."""
        told = {name for base in self.bases for name in base.alone}
        return [n for n in dict.fromkeys(name for name, _ in off(self.kind, {})) if n not in told]

    def _accepts_pair(self, base: Base, one: str, other: str) -> bool:
        return any(
            self.accepted(base.with_(base.with_(base.options, one, v), other, w))
            for v in base.alone[one]
            for w in base.alone[other]
        )

    def _default(self, name: str) -> Any:
        return self.kind.model_fields[name].default


def complete(rule: Rule) -> bool:
    """Whether a rule needs nothing that a run would tell it."""
    probe = Exercise("probe", np.zeros((2, 1)), ())
    try:
        rule.init(probe.table, **Case("probe", rule, probe).given)
    except RuleError:
        return False
    return True


def choices(kind: type[Rule]) -> Iterator[tuple[str, Any]]:
    """Every value off its default of every choice between names."""
    for name, info in kind.model_fields.items():
        for value in _fields.choices(info) if name != "nonfinite" else ():
            if not isinstance(value, bool) and value != info.default:
                yield name, value


def off(kind: type[Rule], options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every option at values that it does not have in these options."""
    limits = [(name, value) for name, value in LIMITS.items() if name in kind.model_fields]
    limits += [("padding_row", 0)]  # false where a program asks for truth
    nonfinite = [("nonfinite", value) for value in ("skip", "propagate")]
    for name, value in [*other_values(kind), *limits, *nonfinite, *choices(kind)]:
        if value != options.get(name, kind.model_fields[name].default):
            yield name, value
    for name, value in options.items():
        default = kind.model_fields[name].default
        if value != default and number(kind.model_fields[name]) in (None, bool):
            yield name, default


def nearby(value: Any, u: float) -> Any:
    """A number within a factor, or a power, of 2 of the value; anything else as it is.

    Three digits, and whole numbers above 1: some libraries take no others.

    Parameters
    ----------
    value : number, switch or name
    u : float in [0, 1)
    """
    if not value or isinstance(value, (bool, str)):
        return value
    scale, size, sign = 2 ** (2 * u - 1), abs(value), 1 if value > 0 else -1
    if size < 1:
        return sign * float(f"{size**scale:.3g}")
    return sign * type(value)(round(size * scale))


def _refused(kind: type[Rule], options: Options) -> bool:
    """Whether the rule itself refuses the options."""
    try:
        kind(**options)
    except RuleError:
        return True
    return False


def _reached(kind: type[Rule], base: Base, options: Options) -> bool:
    """Whether a base can be told each of these options; a number may have any value."""
    for name, info in kind.model_fields.items():
        value = options.get(name, info.default)
        if value == base.options.get(name, info.default):
            continue
        told = base.alone.get(name, [])
        if not told or (number(info) is None and value not in told):
            return False
    return True
