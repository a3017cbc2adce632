"""Which mistake of the grammar does what was seen?

A mistake that does the same to the bit (within the tolerance) in one failing case is held against
the others (`evidence`). If none does, each is tried with one option or number more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.cases.acceptance import off
from freqopt.crosscheck.cases.dialects import Case, made, number
from freqopt.crosscheck.cases.large import LARGE
from freqopt.crosscheck.compare import distance
from freqopt.crosscheck.diagnosis.hypotheses import apart, faults
from freqopt.crosscheck.diagnosis.meanings import Meaning
from freqopt.crosscheck.diagnosis.observed import Seen
from freqopt.crosscheck.implementation import Implementation, reference, steps, trace
from freqopt.crosscheck.mistakes import Mistake
from freqopt.crosscheck.mistakes.arithmetic import SMALL, arithmetic
from freqopt.crosscheck.mistakes.conditional import after_steps, conditional, made_when
from freqopt.crosscheck.mistakes.counts import in_counts_until
from freqopt.crosscheck.mistakes.entries import elsewhere
from freqopt.crosscheck.mistakes.equations import equations
from freqopt.crosscheck.mistakes.places import places
from freqopt.crosscheck.mistakes.settings import settings
from freqopt.crosscheck.mutants import mutants
from freqopt.errors import CrosscheckError
from freqopt.optimizers import Rule, rules
from freqopt.typing import Floats

LONG_TRIED = 90
"""Mistakes that are tried where each takes thousands of steps."""

MOSTLY = 0.8
"""Of the entries that are wrong, the part that a mistake explains if it is named for most."""

Named = tuple[Meaning, Implementation, float]
"""What does what was seen, how it is done, and its rank: lower ones are named first."""


def candidates(asked: Rule, view: Seen) -> list[Mistake]:
    """The mistakes that may show in an exercise, likely ones first."""
    name = view.exercise.name
    found = [replace(mistake, rank=mistake.rank - 1) for mistake in places(asked)]
    good = _good_until(asked, view)
    found += in_counts_until(good) if good else ()
    if name not in LARGE:
        case = Case(name, asked, view.exercise)
        found += [*settings(asked), *equations(case)]
    elif name.startswith("wide_"):
        found += [m for m in equations(Case(name, asked, view.exercise)) if m.rank == 0]
    elif name == "long":
        short = view.exercise.cut(40)
        found += [m for m in equations(Case(name, asked, short)) if m.rank == 0]
        found.sort(key=_about_time)
        found = [*(_options_after(asked, good) if good else ()), *found[:LONG_TRIED]]
    return found


def _good_until(asked: Rule, view: Seen) -> int:
    """Steps before the first at which something is wrong."""
    wrong = _wrong(asked, view)
    return int(np.argmax(wrong.any(axis=1))) if wrong.any() else 0


def _wrong(asked: Rule, view: Seen) -> NDArray[np.bool_]:
    """Which rows are not as asked after each step, (S, N)."""
    right = trace(reference, Case("", asked, view.exercise))
    apart = distance(right, view.tables) > view.tolerance
    return np.asarray(apart.any(axis=2))[1:]


def _about_time(mistake: Mistake) -> tuple[bool, int]:
    words = ("the step ", "est of", "np.where", "does not ask")
    return not any(word in mistake.cause for word in words), mistake.rank


def single(asked: Rule, views: Sequence[Seen]) -> list[Named]:
    """Every mistake that alone does what was seen."""
    return list(_alike(asked, candidates(asked, views[0]), views))


def nearly(asked: Rule, views: Sequence[Seen]) -> list[Named]:
    """Every mistake that does most of what was seen: what it leaves unexplained is said."""
    view = views[0]
    if view.exercise.name in LARGE:
        return []
    right = trace(reference, Case("", asked, view.exercise))
    with np.errstate(all="ignore"):
        some = [mistake for mistake in candidates(asked, view) if mistake.rank < 1]
        found = [n for mistake in some if (n := _nearly(asked, mistake, view, right))]
    found.sort(key=lambda one: -one[0])
    return [named for _, named in found[:1]]


def _nearly(asked: Rule, mistake: Mistake, view: Seen, right: Floats) -> tuple[float, Named] | None:
    """How much of what is not as asked a mistake explains, if that is most of it."""
    wrong = distance(right, view.tables) > view.tolerance
    alike = np.ones(wrong.shape[1:], bool)
    case = Case("", asked, view.exercise)
    try:
        for t, table in enumerate(steps(mistake.apply, case), start=1):
            alike &= view.apart(table, t) <= view.tolerance
            if wrong[: t + 1].any() and alike.mean() < MOSTLY:
                return None
    except CrosscheckError:
        return None
    ever = wrong.any(axis=0)
    share = float((ever & alike).sum() / max(ever.sum(), 1))
    if share < MOSTLY:
        return None
    places = [f"row {row}, column {column}" for row, column in np.argwhere(~alike).tolist()[:2]]
    more = " and others" if (~alike).sum() > 2 else ""
    rest = f"except at {', '.join(places)}{more}" if places else "in most cases"
    cause = f"{mistake.cause} ({rest})"
    return share, (Meaning(asked, view.tolerance, mutant=cause), mistake.apply, mistake.rank)


def named_faults(asked: Rule, views: Sequence[Seen]) -> list[Named]:
    """The named mutants of the rule that do what was seen."""
    known = mutants(asked.name()) if asked.name() in rules else {}
    found = faults(asked, [asked], views)
    return [(one, known[one.mutant], 0.5) for one in found]


def by_rounding(asked: Rule, views: Sequence[Seen]) -> list[Named]:
    """Options, powers, gradients that went through a narrower type, where little is wrong."""
    return list(_alike(asked, arithmetic(asked), views)) if _is_small(asked, views) else []


def by_rounding_within(asked: Rule, views: Sequence[Seen]) -> list[Named]:
    """Every quantity of the equations that went through a narrower type, where little is wrong."""
    view = views[0]
    if view.exercise.name in LARGE or not _is_small(asked, views):
        return []
    return list(_alike(asked, equations(Case("", asked, view.exercise), narrow=True), views))


def _is_small(asked: Rule, views: Sequence[Seen]) -> bool:
    view = views[0]
    right = trace(reference, Case("", asked, view.exercise))
    off = float(distance(right, view.tables).max()) * np.finfo(right.dtype).eps
    return bool(off < SMALL)


def in_some_cases(asked: Rule, views: Sequence[Seen]) -> list[Named]:
    """A mistake of the equations, or an option, where a condition holds of row or step."""
    view = views[0]
    if view.exercise.name in LARGE:
        return []
    case = Case("", asked, view.exercise)
    some = [*(m for m in equations(case) if m.rank <= 1), *_other_options(asked)]
    batches, size = view.exercise.batches, len(view.exercise.table)
    tried = conditional(some, batches, size, _wrong(asked, view))
    return list(_alike(asked, [*tried, *elsewhere(some, asked)], views))


def _other_options(asked: Rule) -> list[Mistake]:
    """Every option at another value, and every number at its default."""
    kind, found = type(asked), []
    numbers = [(n, f.default) for n, f in kind.model_fields.items() if number(f) in (int, float)]
    for name, value in [*off(kind, dict(asked)), *numbers]:
        other = made(kind, {**dict(asked), name: value})
        if other is not None and value != getattr(asked, name):
            about = f"{name} = {value}, asked was {getattr(asked, name)}"
            found.append(Mistake(about, reference, 0, partial(_as_other, {name: value})))
    return found


def _options_after(asked: Rule, good: int) -> Iterator[Mistake]:
    """Other options from some step on."""
    when = after_steps(good)
    for one in _other_options(asked):
        if one.changed is not None:
            yield Mistake(f"{one.cause}, {when.said}", made_when(when, one.changed), -1)


def _as_other(changed: dict[str, Any], rule: Rule) -> Rule:
    return made(type(rule), {**dict(rule), **changed}) or rule.model_copy(update=changed)


def with_one_more(asked: Rule, views: Sequence[Seen]) -> list[Named]:
    """The same with one option changed besides."""
    if views[0].exercise.name in LARGE:
        return []
    some = [m for m in candidates(asked, views[0]) if m.rank < 1]
    exercise = views[0].exercise
    right = Seen(exercise, trace(reference, Case("", asked, exercise)), 0.0)
    found: list[Named] = []
    for name, value in off(type(asked), dict(asked)):
        other = made(type(asked), {**dict(asked), name: value})
        # An option that changes nothing here would stand beside the mistake for nothing.
        if other is not None and apart(reference, other, [right]) == math.inf:
            found += _alike(other, some, views)
    return found


def _alike(rule: Rule, some: Iterable[Mistake], views: Sequence[Seen]) -> Iterator[Named]:
    with np.errstate(all="ignore"):
        for mistake in some:
            if apart(mistake.apply, rule, views[:1]) == math.inf:
                continue
            ulps = apart(mistake.apply, rule, views)
            if ulps < math.inf:
                yield Meaning(rule, ulps, mutant=mistake.cause), mistake.apply, mistake.rank
                if views[0].exercise.name == "long":
                    return
