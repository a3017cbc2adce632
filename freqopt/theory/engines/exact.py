"""Claims evaluated without sampling: on a list of instances, and on the extremal one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from freqopt.errors import TheoryError
from freqopt.theory.engines.sides import (
    Comparison,
    Sides,
    as_bytes,
    attained,
    blamed,
    check_signs,
    compare,
    evaluate,
    is_vacuous,
    untrue,
)
from freqopt.theory.theorem import Claim, Context, Theorem
from freqopt.theory.verdict import TIGHT_FROM, Verdict, Word

UNUSED = 1e-3
"""Share of a bound below which it is not known to say anything."""

Store = dict[str, list[Sides]]
"""Claim -> both sides on every instance that any engine evaluated, for `resolution`."""


def run(theorem: Theorem, context: Context, store: Store | None = None) -> Iterator[Verdict]:
    """A verdict for each claim that has instances, and one for each extremal instance."""
    kept = {} if store is None else store
    for claim in theorem.claims:
        cases = list(claim.instances(context.quick))
        if cases:
            yield _judge(theorem, claim, cases, "exact", kept)
        elif is_empty(claim, context.quick):
            note = "no instance in this run: nothing is said"
            yield _verdict(claim, "exact", Word.VACUOUS, None, "", note, None)
        if claim.extremal is not None:
            yield _judge(theorem, claim, [claim.extremal], "extremal", kept)


def is_empty(claim: Claim, quick: bool) -> bool:
    """Whether no engine has an instance of the claim in such a run."""
    none = next(iter(claim.instances(quick)), None) is None
    return none and claim.extremal is None and claim.search is None


def inapplicable(theorem: Theorem, instance: Any) -> str:
    """The first computed assumption that fails on the instance, or ""."""
    for assumption in theorem.assumptions:
        if assumption.how != "exact" or assumption.holds is None:
            continue
        with blamed(f"the assumption {assumption.name!r} on {instance.name!r}"):
            holds = assumption.holds(instance)
        if not isinstance(holds, bool | np.bool_):
            raise TheoryError(
                f"the assumption {assumption.name!r} gives a {type(holds).__name__} on "
                f"{instance.name!r}, expected True or False"
            )
        if not holds:
            return assumption.name
    return ""


def is_unused(claim: Claim, closest: Comparison) -> bool:
    """Whether an inequality is nowhere near its bound: 10^300 is above anything, and says it."""
    return claim.kind != "equal" and closest.ratio < UNUSED and closest.bound != closest.measured


def word_of(claim: Claim, share: float) -> Word:
    """EXACT, or what takes its place; `share` is that of `attained`."""
    if claim.approximate:
        return Word.APPROXIMATE
    return Word.TIGHT if claim.kind != "equal" and share >= TIGHT_FROM else Word.EXACT


def _judge(theorem: Theorem, claim: Claim, cases: list[Any], engine: str, store: Store) -> Verdict:
    worst: tuple[float, Comparison, str] | None = None
    shares = [0.0]
    vacuous = 0
    letters = theorem.letters
    different = set()  # one instance given thirty times is one
    for case in cases:
        broken = inapplicable(theorem, case)
        if broken:
            note = f"the assumption {broken} fails on {case.name}"
            return _verdict(claim, engine, Word.INAPPLICABLE, None, case.name, note, None)
        check_signs(letters, case.letters(), case.name)
        sides = evaluate(claim, case)
        outcome = compare(claim, sides)
        if outcome.violated:
            note = f"{outcome.measured:.6g} where {outcome.bound:.6g} is stated"
            return _verdict(claim, engine, Word.REFUTED, outcome, case.name, note, None)
        if wrong := untrue(claim, sides):
            note = f"`{wrong}` is not true on {case.name}: the measured side is beyond it"
            return _verdict(claim, engine, Word.REFUTED, outcome, case.name, note, None)
        store.setdefault(claim.name, []).append(sides)
        different.add((case.name, as_bytes(sides.left), as_bytes(sides.right)))
        if is_vacuous(claim, sides):  # it held, and that means nothing
            vacuous += 1
            continue
        shares.append(attained(claim, sides))
        closeness = abs(outcome.ratio - 1) if claim.kind == "equal" else outcome.ratio
        if worst is None or closeness > worst[0]:
            worst = (closeness, outcome, case.name)
    vacuity = vacuous / len(cases) if claim.trivial is not None else None
    count = "1 instance" if len(different) == 1 else f"{len(different)} instances"
    if worst is None:
        note = f"{count}, the bound is nowhere better than what is trivially true"
        return _verdict(claim, engine, Word.VACUOUS, None, "", note, vacuity)
    _, outcome, name = worst
    spoken = len(cases) - vacuous
    if engine == "exact" and is_unused(claim, outcome):
        note = f"{count}, none uses a thousandth of the bound: nothing shows that it says anything"
        return _verdict(claim, engine, Word.VACUOUS, outcome, name, note, vacuity)
    note = count if not vacuous else f"{count}, says something on {spoken}"
    note += f", within {claim.tolerance:.2g}" if claim.approximate else ""
    known = [share for share in shares if share == share]
    if claim.kind != "equal" and outcome.ratio >= TIGHT_FROM > max(known):
        note += ", attained only where the bound has not fallen by half"
    return _verdict(claim, engine, word_of(claim, max(known)), outcome, name, note, vacuity)


def _verdict(
    claim: Claim,
    engine: str,
    word: Word,
    outcome: Comparison | None,
    witness: str,
    note: str,
    vacuity: float | None,
) -> Verdict:
    return Verdict(
        theorem="",
        engine=engine,
        claim=claim.name,
        word=word,
        kind=claim.kind,
        measured=outcome.measured if outcome else None,
        bound=outcome.bound if outcome else None,
        ratio=outcome.ratio if outcome else None,
        vacuity=vacuity,
        witness=witness,
        note=note,
    )


def nothing(theorem: Theorem) -> None:
    """Refuse claims that no run evaluates on anything.

    Raises
    ------
    TheoryError
        Naming the first of them.
    """
    for claim in theorem.claims:
        if is_empty(claim, quick=True) and is_empty(claim, quick=False):
            raise TheoryError(
                f"claim {claim.name!r} has no instance, so nothing is said; give it instances, an "
                "extremal one or a search"
            )
