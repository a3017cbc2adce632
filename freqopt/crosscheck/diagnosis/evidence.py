"""Is a name right? It is held against cases that were not used to find it.

What explains one failing case may be chance, or part of the truth: an option that has no effect
where another is on. So every hypothesis is made to predict the other cases that were judged, those
that failed and those that passed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from freqopt.crosscheck.cases.dialects import Case, made
from freqopt.crosscheck.diagnosis.hypotheses import apart
from freqopt.crosscheck.diagnosis.meanings import SAME, Meaning, Meanings, changes
from freqopt.crosscheck.diagnosis.observed import Seen
from freqopt.crosscheck.implementation import Implementation, reference
from freqopt.optimizers import Rule
from freqopt.typing import Floats

MOST = 14
"""Cases of each verdict that a hypothesis is held against."""

MOST_NAMED = 24
"""Hypotheses that are held against them."""

QUICK = ("main", "wide", "nonfinite", "one_column", "one_row", "level", "holes")


@dataclass(frozen=True)
class Judged:
    """A case that was judged, what was seen, and whether it passed."""

    case: Case
    tables: Floats
    passed: bool


@dataclass(frozen=True)
class Weight:
    """What became of a hypothesis.

    Attributes
    ----------
    unexplained : int
        Cases that failed and are not as it predicts.
    failing : int
        Cases that failed, of those it was held against.
    contradicted : list of Rule
        Rules of cases that passed where it predicts otherwise.
    explained : list of Rule
        Rules of failing cases that are as it predicts.
    """

    unexplained: int
    failing: int
    contradicted: list[Rule]
    explained: list[Rule]

    @property
    def order(self) -> tuple[int, int]:
        """Better first."""
        return self.unexplained, min(len(self.contradicted), 1)


def chosen(evidence: Sequence[Judged], asked: Rule) -> list[Judged]:
    """Some quick cases of either verdict, with few options first, each rule once."""
    found: list[Judged] = []
    for passed in (False, True):
        some = [j for j in evidence if j.passed == passed and j.case.exercise.name in QUICK]
        some.sort(key=lambda j: (j.case.exercise.table.dtype != "float64", _far(asked, j.case)))
        once = {(repr(j.case.rule), j.case.exercise.name): j for j in reversed(some)}
        found += list(reversed(once.values()))[:MOST]
    return found


def _far(asked: Rule, case: Case) -> tuple[bool, int]:
    return case.exercise.name not in ("main", "nonfinite"), len(changes(asked, case.rule))


def weigh(
    meaning: Meaning,
    apply: Implementation,
    asked: Rule,
    on: Sequence[Judged],
    limit: Mapping[str, float],
) -> Weight:
    """Hold a hypothesis against cases.

    Parameters
    ----------
    meaning : Meaning
        Its changes from what was asked are made in every case.
    apply : Implementation
        The reference, or the mistake.
    asked : Rule
    on : list of Judged
    limit : dict, dtype -> units in the last place
    """
    changed = {name: new for name, (_, new) in changes(asked, meaning.rule).items()}
    weight = Weight(0, 0, [], [])
    for one in on:
        rule = _changed(one.case.rule, changed)
        view = Seen(one.case.exercise, one.tables, limit[str(one.tables.dtype)])
        right = apart(apply, rule, [view]) < math.inf
        if not one.passed:
            weight = replace(
                weight, failing=weight.failing + 1, unexplained=weight.unexplained + (not right)
            )
            if right:
                weight.explained.append(one.case.rule)
        elif not right:
            weight.contradicted.append(one.case.rule)
    return weight


def _changed(rule: Rule, changed: dict[str, Any]) -> Rule:
    if not changed:
        return rule
    new = made(type(rule), {**dict(rule), **changed})
    return new if new is not None else rule.model_copy(update=changed)


def condition(weight: Weight) -> str:
    """One option that tells the cases that are as predicted from those that are right."""
    if not weight.contradicted or not weight.explained:
        return ""
    return next(_conditions(weight.explained, weight.contradicted), "in some cases only")


def _conditions(wrong: list[Rule], right: list[Rule]) -> Iterator[str]:
    for name, info in type(wrong[0]).model_fields.items():
        if name == "lr":
            continue
        there = {getattr(rule, name) for rule in wrong}
        elsewhere = {getattr(rule, name) for rule in right}
        if there & elsewhere:
            continue
        if len(there) == 1:
            yield f"where {name} = {there.pop()}"
        elif info.default not in there:
            yield f"where {name} is not {info.default}"


class Held:
    """Hypotheses held against the other cases that were judged.

    Parameters
    ----------
    asked : Rule
    on : list of Judged
    limit : dict, dtype -> units in the last place
    """

    def __init__(self, asked: Rule, on: Sequence[Judged], limit: Mapping[str, float]) -> None:
        self.asked, self.on, self.limit = asked, on, limit
        self._weights: dict[str, Weight] = {}

    def best(self, named: Sequence[tuple[Meaning, Implementation, float]]) -> Meanings:
        """Of what does what was seen in one case, what explains most of the others."""
        some = sorted(named, key=lambda one: (one[2], one[0].ulps > SAME, len(one[0].mutant)))
        weighed = [(m, self._weigh(m, apply)) for m, apply, _ in some[:MOST_NAMED]]
        first = min((weight.order for _, weight in weighed), default=(0, 0))
        return tuple(self._said(m, weight) for m, weight in weighed if weight.order == first)

    def of_options(self, found: Meanings) -> Meanings:
        """The same of combinations of options, nearest to what was asked first."""
        weighed = [(m, self._weigh(m, reference)) for m in found[:MOST_NAMED]]
        first = min((weight.order for _, weight in weighed), default=(0, 0))
        good = [self._said(m, weight) for m, weight in weighed if weight.order == first]
        return (*good, *found[MOST_NAMED:])

    def whole(self, found: Meanings) -> bool:
        """Whether the first of these explains every failing case."""
        return not self._order(found)[0]

    def only_whole(self, found: Meanings) -> Meanings:
        """Those of two things at once that explain every failing case: fewer would be chance."""
        return found if found and self.whole(found) else ()

    def better(self, one: Meanings, other: Meanings) -> Meanings:
        """Those that explain more; the first if they do equally."""
        if not one or not other:
            return one or other
        return other if self._order(other) < self._order(one) else one

    def _order(self, found: Meanings) -> tuple[int, int]:
        return self._weights[_key(found[0])].order

    def _weigh(self, meaning: Meaning, apply: Implementation) -> Weight:
        weight = weigh(meaning, apply, self.asked, self.on, self.limit)
        self._weights[_key(meaning)] = weight
        return weight

    def _said(self, meaning: Meaning, weight: Weight) -> Meaning:
        explained = weight.failing - weight.unexplained
        part = f"{explained} of {weight.failing} failing cases" if weight.unexplained else ""
        return replace(meaning, where=condition(weight), explains=part)


def _key(meaning: Meaning) -> str:
    return f"{meaning.rule!r} {meaning.mutant}"
