"""Which meaning of a rule does this implementation have?

What was seen (tables after every step of known batches) is compared with every combination of the
rule's options (`search`). If none does the same, one thing more may be wrong (`hypotheses`). What
is still not explained is reported as the nearest meaning and the first place where it parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import DTypeLike

from freqopt.crosscheck.cases.dialects import KNOWN, Case
from freqopt.crosscheck.cases.exercises import exercises
from freqopt.crosscheck.cases.large import LARGE
from freqopt.crosscheck.compare import Comparison, compare, distance
from freqopt.crosscheck.diagnosis.causes import (
    by_rounding,
    by_rounding_within,
    in_some_cases,
    named_faults,
    nearly,
    single,
    with_one_more,
)
from freqopt.crosscheck.diagnosis.evidence import Held, Judged, chosen
from freqopt.crosscheck.diagnosis.hypotheses import apart, faults, other_numbers, other_rules
from freqopt.crosscheck.diagnosis.meanings import (
    Meanings,
    changes,
    dialects,
    distance_of,
    known,
    meanings,
    members,
    search,
    unlike,
)
from freqopt.crosscheck.diagnosis.observed import Seen
from freqopt.crosscheck.diagnosis.option_sets import whole
from freqopt.crosscheck.diagnosis.words import cause, report
from freqopt.crosscheck.implementation import Implementation, reference, trace
from freqopt.errors import CrosscheckError
from freqopt.optimizers import Rule
from freqopt.typing import Floats

TOLERANCE = {"float32": 32.0, "float64": 1024.0}
"""Distance in units in the last place up to which a table counts as the same.

The same operations in another order stay below it, the faults of `mutants` above.
"""

NARROW = 64.0
"""The same for float64 tables that are read as float32."""

OF_FLOAT32 = "what differs is of the size of float32's rounding; its cause is not known"
"""Said where float64 tables, read as float32, are right: no name, for much may be that small."""

NEAR = 64
"""Combinations that are looked at for the nearest one."""


@dataclass(frozen=True)
class Nearest:
    """The meaning that does most of what was seen, if none does all of it.

    Attributes
    ----------
    rule : Rule
    share : float
        Of the entries that have moved since the start, the part that is the same.
    comparison : Comparison
        Where it first parts from what was seen; `expected` is this meaning.
    """

    rule: Rule
    share: float
    comparison: Comparison


@dataclass(frozen=True)
class Fingerprint:
    """What an implementation means. True if it means what was asked; `str` is readable.

    Attributes
    ----------
    asked : Rule
    meanings : tuple of Meaning
        All that explain what was seen, nearest to what was asked first.
    known : tuple of str
        Known implementations that do the same under the numbers that were asked for.
    nearest : Nearest or None
        Only where no combination of options explains what was seen.
    """

    asked: Rule
    meanings: Meanings
    known: tuple[str, ...]
    nearest: Nearest | None

    def __bool__(self) -> bool:
        return any(not m.mutant and not changes(self.asked, m.rule) for m in self.meanings)

    def __str__(self) -> str:
        return report(self)

    @property
    def cause(self) -> str:
        """What is wrong in one sentence; empty if it is not known, or nothing is."""
        return "" if self or not self.meanings else cause(self.asked, self.meanings[0])


def fingerprint(
    implementation: Implementation,
    rule: Rule,
    dtype: DTypeLike = np.float64,
    tolerance: float | None = None,
) -> Fingerprint:
    """Find what an implementation means.

    Parameters
    ----------
    implementation : Implementation
    rule : Rule
        What it is meant to be. Its numbers are handed to the implementation and are taken as
        meant; its options are where the search starts. Fields left open are filled with `KNOWN`.
    dtype : float32 or float64
    tolerance : float, optional
        In units in the last place; `TOLERANCE` by default.

    Raises
    ------
    UnsupportedError, CrosscheckError
        As `trace`.
    """
    put = [Case(name, rule.completed(**KNOWN), e) for name, e in exercises(dtype).items()]
    return identify([(case, trace(implementation, case)) for case in put], tolerance)


def identify(
    seen: Sequence[tuple[Case, Floats]],
    tolerance: float | None = None,
    evidence: Sequence[Judged] = (),
    *,
    quick: bool = False,
) -> Fingerprint:
    """Find what did this, from tables alone.

    Parameters
    ----------
    seen : sequence of (Case, (S + 1, N, d))
        Cases of one rule with the same options, and the tables from `trace` or from a file.
    tolerance : float, optional
        In units in the last place; `TOLERANCE` by default.
    evidence : sequence of Judged
        Other cases of the same implementation, which a name has to hold in.
    quick : bool
        Whether only single mistakes are tried, and none beside another.

    Raises
    ------
    CrosscheckError
        There is no case, or the cases differ in their rule.
    """
    if len({repr(case.rule) for case, _ in seen}) != 1:
        raise CrosscheckError(
            f"a fingerprint needs one or more cases that have all options in common, got "
            f"{len(seen)} cases with {len({repr(case.rule) for case, _ in seen})} sets of options"
        )
    asked = seen[0][0].rule
    kind = type(asked)
    limit = TOLERANCE[str(seen[0][1].dtype)] if tolerance is None else tolerance
    views = [Seen(case.exercise, tables, limit) for case, tables in seen]
    held = Held(asked, chosen(evidence, asked), TOLERANCE)
    if all(view.exercise.name in LARGE for view in views):
        named = held.best(single(asked, views))
        return Fingerprint(asked, named, (), None)
    alive, last = search(kind, [whole(asked)], views)
    options, nearest = meanings(asked, kind, alive), None
    found = held.of_options(options)
    if not found or not held.whole(found):
        named = held.best(
            [*by_rounding(asked, views), *named_faults(asked, views), *single(asked, views)]
        )
        found = held.better(found, named)
    if not options and not quick:
        bases = [asked, *(rule for _, _, rule in dialects(asked, kind))]
        some = unlike([*bases, *islice(members(asked, kind, last), NEAR)])
        near = max(some, key=lambda rule: (_share(rule, seen, limit), *_minus(asked, rule)))
        nearest = _nearest(near, seen, limit)
        bases = unlike([near, *bases])
        found = (
            found
            or held.best(by_rounding_within(asked, views))
            or held.of_options(other_numbers(asked, bases, views))
            or other_rules(asked, views)
            or faults(asked, bases, views)
            or held.only_whole(held.best(in_some_cases(asked, views)))
            or held.only_whole(held.best(with_one_more(asked, views)))
            or tuple(meaning for meaning, _, _ in nearly(asked, views))
            or _in_float32(seen)
        )
    return Fingerprint(asked, found, tuple(_known(asked, views)), nearest)


def _in_float32(seen: Sequence[tuple[Case, Floats]]) -> Meanings:
    """What float64 tables mean when they are read as float32: narrower numbers went into them."""
    if str(seen[0][1].dtype) != "float64":
        return ()
    case, tables = seen[0]
    narrow = case.in_dtype(np.float32)
    with np.errstate(over="ignore"):
        view = Seen(narrow.exercise, tables.astype(np.float32), NARROW)
    asked = case.rule
    alive, _ = search(type(asked), [whole(asked)], [view])
    found = meanings(asked, type(asked), alive)
    # Beside another option it would be chance: much is right to that precision.
    meant = (m for m in found if not changes(asked, m.rule))
    return tuple(replace(m, mutant=OF_FLOAT32, ulps=m.ulps) for m in meant)


def _known(asked: Rule, views: Sequence[Seen]) -> Iterator[str]:
    """Known implementations that do what was seen, with a word on numbers that differ."""
    for name, own, rule in known(asked):
        if apart(reference, rule, views) < math.inf:
            other = [f"{k} = {v!r}" for k, v in own.items() if v != getattr(rule, k)]
            yield f"{name} (its own {', '.join(other)})" if other else name


def _share(rule: Rule, seen: Sequence[tuple[Case, Floats]], limit: float) -> float:
    """Of the entries that have moved, the part that the reference of a rule has as seen."""
    equal = total = 0
    for case, tables in seen:
        try:
            expected = trace(reference, Case(case.name, rule, case.exercise))
        except CrosscheckError:  # it refuses what is not finite
            return -1.0
        moved = ((tables != tables[0]) | (expected != expected[0]))[1:]
        equal += int((moved & (distance(expected, tables)[1:] <= limit)).sum())
        total += int(moved.sum())
    return equal / max(total, 1)


def _minus(asked: Rule, rule: Rule) -> tuple[bool, int]:
    other_kind, count = distance_of(asked, rule)
    return not other_kind, -count


def _nearest(rule: Rule, seen: Sequence[tuple[Case, Floats]], limit: float) -> Nearest:
    """The first of the cases in which a rule parts from what was seen."""
    compared = (
        compare(one, trace(reference, one), tables, limit)
        for one, tables in ((Case(c.name, rule, c.exercise), tables) for c, tables in seen)
    )
    parted = next(comparison for comparison in compared if not comparison)
    return Nearest(rule, _share(rule, seen, limit), parted)
