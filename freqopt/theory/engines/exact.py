"""Claims evaluated without sampling: on a list of instances, and on the extremal one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from freqopt.errors import TheoryError
from freqopt.theory.theorem import Claim, Context, Kind, Theorem
from freqopt.theory.verdict import TIGHT_FROM, Verdict, Word


@dataclass(frozen=True)
class Comparison:
    """Both sides where a claim is closest to failing.

    `ratio` is the share of the bound that is used; above 1 (by more than rounding: `violated`)
    the claim fails.
    """

    measured: float
    bound: float
    ratio: float
    violated: bool


def compare(claim: Claim, instance: Any) -> Comparison:
    """Evaluate one claim on one instance.

    Raises
    ------
    TheoryError
        If a side is NaN, or the two have different numbers of entries.
    """
    left, right = claim.measured(instance), claim.right_side(instance)
    if _rational(left) and _rational(right):
        return _compare_exactly(claim.kind, left, right)
    try:
        m, b = np.broadcast_arrays(np.asarray(left, np.float64), np.asarray(right, np.float64))
    except ValueError:
        raise TheoryError(
            f"claim {claim.name!r} measures {np.shape(left)} values against a bound of "
            f"{np.shape(right)} on {instance.name!r}; expected one each, or one per token"
        ) from None
    if np.isnan(m).any() or np.isnan(b).any():
        side = "measured side" if np.isnan(m).any() else "bound"
        raise TheoryError(f"claim {claim.name!r}: the {side} is NaN on {instance.name!r}")
    slack = claim.tolerance * np.maximum(np.abs(m), np.abs(b))
    with np.errstate(divide="ignore", invalid="ignore"):
        if claim.kind == "upper":
            ratio, excess = _share(m, b), m - b
        elif claim.kind == "lower":
            ratio, excess = _share(b, m), b - m
        else:
            ratio, excess = np.where(m == b, 1.0, m / b), np.abs(m - b)
    excess = np.where(m == b, 0.0, excess)  # also where both are infinite
    violated = excess > slack
    distance = np.abs(ratio - 1) if claim.kind == "equal" else ratio
    worst = int(np.argmax(np.where(violated, np.inf, distance)))
    return Comparison(
        float(m.flat[worst]),
        float(b.flat[worst]),
        float(ratio.flat[worst]),
        bool(violated.any()),
    )


def run(theorem: Theorem, context: Context) -> Iterator[Verdict]:
    """A verdict for each claim that has instances, and one for each extremal instance."""
    for claim in theorem.claims:
        cases = list(claim.instances(context.quick))
        if cases:
            yield _evaluate(theorem, claim, cases, "exact")
        if claim.extremal is not None:
            yield _evaluate(theorem, claim, [claim.extremal], "extremal")


def is_empty(claim: Claim, context: Context) -> bool:
    """Whether the claim has no instance in such a run."""
    return next(iter(claim.instances(context.quick)), None) is None


def inapplicable(theorem: Theorem, instance: Any) -> str:
    """The first assumption that fails on the instance, or ""."""
    for assumption in theorem.assumptions:
        if not assumption.holds(instance):
            return assumption.name
    return ""


def is_vacuous(claim: Claim, instance: Any) -> bool:
    """Whether the bound is nowhere below what is trivially true of the measured side."""
    if claim.trivial is None or claim.kind != "upper":
        return False
    right, trivial = claim.right_side(instance), claim.trivial(instance)
    return bool(np.all(np.asarray(right, np.float64) >= np.asarray(trivial, np.float64)))


def _evaluate(theorem: Theorem, claim: Claim, cases: list[Any], engine: str) -> Verdict:
    worst: tuple[float, Comparison, str] | None = None
    vacuous = 0
    for case in cases:
        broken = inapplicable(theorem, case)
        if broken:
            note = f"the assumption {broken} fails on {case.name}"
            return _verdict(claim, engine, Word.INAPPLICABLE, None, case.name, note, None)
        outcome = compare(claim, case)
        if outcome.violated:
            note = f"violated on {case.name}"
            return _verdict(claim, engine, Word.REFUTED, outcome, case.name, note, None)
        vacuous += is_vacuous(claim, case)
        closeness = abs(outcome.ratio - 1) if claim.kind == "equal" else outcome.ratio
        if worst is None or closeness > worst[0]:
            worst = (closeness, outcome, case.name)
    assert worst is not None  # cases is not empty
    _, outcome, name = worst
    vacuity = vacuous / len(cases) if claim.trivial is not None else None
    if vacuity == 1:
        word = Word.VACUOUS
    else:
        tight = claim.kind != "equal" and outcome.ratio >= TIGHT_FROM
        word = Word.TIGHT if tight else Word.EXACT
    cases_word = "1 instance" if len(cases) == 1 else f"{len(cases)} instances"
    return _verdict(claim, engine, word, outcome, name, cases_word, vacuity)


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


def _share(part: Any, whole: Any) -> Any:
    """Part / whole as a share of an upper limit; 0 of 0, and of infinity, is none."""
    return np.where(part <= 0, np.where(whole < part, np.inf, 0.0), part / np.maximum(whole, 0.0))


def _rational(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_rational(v) for v in value)
    return isinstance(value, Fraction) or (isinstance(value, int) and not isinstance(value, bool))


def _compare_exactly(kind: Kind, left: Any, right: Any) -> Comparison:
    """Rationals have no rounding: a violation is a violation."""
    lefts = list(left) if isinstance(left, list | tuple) else [left]
    rights = list(right) if isinstance(right, list | tuple) else [right]
    n = max(len(lefts), len(rights))
    worst = Comparison(0.0, 0.0, -math.inf, violated=False)
    for a, b in zip(
        lefts * (n // len(lefts)), rights * (n // len(rights)), strict=True
    ):  # a single value stands for all tokens
        violated = {"upper": a > b, "lower": a < b, "equal": a != b}[kind]
        part, whole = (b, a) if kind == "lower" else (a, b)
        ratio = 1.0 if a == b else float(Fraction(part) / Fraction(whole)) if whole else math.inf
        if (violated, ratio) > (worst.violated, worst.ratio):
            worst = Comparison(float(a), float(b), ratio, violated)
    return worst
