"""A meaning of a rule: options that do what was seen, and which of them were asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations, islice, product
from typing import Any

from freqopt.crosscheck.cases.dialects import made, number
from freqopt.crosscheck.diagnosis.observed import Seen
from freqopt.crosscheck.diagnosis.option_sets import Box, axes, common
from freqopt.crosscheck.diagnosis.search import follow
from freqopt.optimizers import Rule, rules

SAME = 8.0
"""Meanings count as equally good up to this distance, or four times that of the best one."""

FAR = 3
"""Options of a box that are changed at once until the rule accepts them."""


@dataclass(frozen=True)
class Meaning:
    """A rule that does what was seen, perhaps with one fault.

    Attributes
    ----------
    rule : Rule
        Of several combinations of options without a difference, the one nearest to what was asked.
    ulps : float
        Largest distance from what was seen, in units in the last place.
    alike : dict, option -> values
        Other values that change nothing in these exercises; where the rule refuses one, it accepts
        it together with another of them.
    mutant : str
        Name of the fault; empty if there is none.
    where : str
        The cases in which it holds, where others that were judged are right.
    explains : str
        How many of the failing cases it explains; empty if all.
    """

    rule: Rule
    ulps: float
    alike: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    mutant: str = ""
    where: str = ""
    explains: str = ""


Meanings = tuple[Meaning, ...]


def changes(asked: Rule, rule: Rule) -> dict[str, tuple[Any, Any]]:
    """Field -> (asked, got), for the fields in which a rule differs from the one asked for."""
    return {
        name: (getattr(asked, name, None), getattr(rule, name))
        for name in type(rule).model_fields
        if getattr(asked, name, None) != getattr(rule, name)
    }


def distance_of(asked: Rule, rule: Rule) -> tuple[bool, int]:
    """How far a rule is from the one asked for, to sort by."""
    return type(asked) is not type(rule), len(changes(asked, rule))


def numbers(rule: Rule) -> dict[str, Any]:
    """The fields of a rule that are numbers, bounds included."""
    return {
        name: getattr(rule, name)
        for name, info in type(rule).model_fields.items()
        if number(info) in (int, float)
    }


def dialects(asked: Rule, kind: type[Rule]) -> Iterator[tuple[str, dict[str, Any], Rule]]:
    """Known implementations of a rule under the numbers asked: (name, its own numbers, rule)."""
    given = {k: v for k, v in numbers(asked).items() if k in kind.model_fields}
    for name, options in kind.dialects.items():
        own = {k: v for k, v in options.items() if number(kind.model_fields[k]) in (int, float)}
        rule = made(kind, {"nonfinite": asked.nonfinite, **options, **given})
        if rule is not None:
            yield name, own, rule


def known(asked: Rule) -> Iterator[tuple[str, dict[str, Any], Rule]]:
    """The same for every rule."""
    for name in rules:
        yield from dialects(asked, rules[name])


def unlike(found: Iterable[Rule]) -> list[Rule]:
    """Each rule once."""
    return list({(type(rule), repr(rule)): rule for rule in found}.values())


# -- from boxes to meanings --------------------------------------------------------------------


def search(
    kind: type[Rule], boxes: list[Box], views: list[Seen]
) -> tuple[list[tuple[Box, float]], list[Box]]:
    """The boxes that do what was seen in all exercises, with distances; those dropped last."""
    alive, last = [(box, 0.0) for box in boxes], boxes
    for view in views:
        if not alive:
            break
        found = follow(kind, [box for box, _ in alive], view)
        last = found.last or last
        alive = [
            (box, max([ulps, *(old for wider, old in alive if common(wider, box))]))
            for box, ulps in found.alive
        ]
    return alive, last


def meanings(asked: Rule, kind: type[Rule], found: Iterable[tuple[Box, float]]) -> Meanings:
    """The best of what was found, nearest to what was asked first."""
    some = ((rule, box, ulps) for box, ulps in found for rule in members(asked, kind, [box]))
    return best(asked, (Meaning(rule, ulps, _alike(rule, box)) for rule, box, ulps in some))


def best(asked: Rule, some: Iterable[Meaning]) -> Meanings:
    """Those about as close as the closest one, nearest to what was asked first."""
    found = _merged(some)
    enough = max(SAME, 4 * min((m.ulps for m in found), default=0.0))
    good = [m for m in found if m.ulps <= enough]
    return tuple(sorted(good, key=lambda m: (*distance_of(asked, m.rule), _plainness(m))))


def _plainness(meaning: Meaning) -> tuple[Any, ...]:
    """Where it is about as close: a field's first values first, and the closest."""
    rule = meaning.rule
    places = [values.index(getattr(rule, name)) for name, values in axes(type(rule))]
    return meaning.ulps > SAME, places, meaning.ulps


def _merged(some: Iterable[Meaning]) -> list[Meaning]:
    """Each rule and fault once."""
    merged: dict[Any, Meaning] = {}
    for one in some:
        key = type(one.rule), repr(one.rule), one.mutant
        old = merged.get(key, one)
        alike = {
            name: tuple(dict.fromkeys([*old.alike.get(name, ()), *one.alike.get(name, ())]))
            for name in {**old.alike, **one.alike}
        }
        merged[key] = replace(old, ulps=max(old.ulps, one.ulps), alike=alike)
    return list(merged.values())


def members(asked: Rule, kind: type[Rule], boxes: Iterable[Box]) -> Iterator[Rule]:
    """From each box the combination nearest to what was asked that the rule accepts, if any."""
    for box in boxes:
        some = (made(kind, options) for options in _outwards(asked, kind, box))
        yield from islice((rule for rule in some if rule is not None), 1)


def _outwards(asked: Rule, kind: type[Rule], box: Box) -> Iterator[dict[str, Any]]:
    """The combination of a box nearest to what was asked, then those `FAR` changes from it.

    Where the box has not what was asked, the first value that the field lists comes first.
    """
    order = dict(axes(kind))
    values = {name: [v for v in order.get(name, some) if v in some] for name, some in box.items()}
    first = {
        name: getattr(asked, name, None) if getattr(asked, name, None) in some else some[0]
        for name, some in values.items()
    }
    several = [name for name, some in values.items() if len(some) > 1]
    for count in range(FAR + 1):
        for names in combinations(several, count):
            for new in product(*(values[name] for name in names)):
                if all(v != first[name] for name, v in zip(names, new, strict=True)):
                    yield {**first, **dict(zip(names, new, strict=True))}


def _alike(rule: Rule, box: Box) -> dict[str, tuple[Any, ...]]:
    """The other values of a box, if the rule accepts them with these options or near them."""
    alike = {}
    for name, values in box.items():
        others = [v for v in values if v != getattr(rule, name)]
        accepted = [v for v in others if any(members(rule, type(rule), [{**box, name: (v,)}]))]
        if accepted:
            alike[name] = tuple(accepted)
    return alike
