"""An implementation put through cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from freqopt.crosscheck.caller import of_again, of_caller
from freqopt.crosscheck.cases.dialects import Case
from freqopt.crosscheck.cases.large import LARGE
from freqopt.crosscheck.cases.selection import DTYPES, select
from freqopt.crosscheck.compare import compare
from freqopt.crosscheck.conditioning import of_decay, rounding
from freqopt.crosscheck.coverage import coverage
from freqopt.crosscheck.diagnosis.divergence import block
from freqopt.crosscheck.diagnosis.fingerprint import TOLERANCE
from freqopt.crosscheck.diagnosis.hypotheses import apart
from freqopt.crosscheck.diagnosis.observed import Seen
from freqopt.crosscheck.implementation import (
    Implementation,
    accepted,
    as_it_lies,
    lazily,
    reference,
    trace,
)
from freqopt.crosscheck.kit import WIDEST
from freqopt.crosscheck.life import CAST, CAST_FIRST, Group, Life, groups, lives, offered, richest
from freqopt.crosscheck.mistakes.arithmetic import SMALL
from freqopt.crosscheck.report import Judgement, Report
from freqopt.crosscheck.thorough import Thorough, thorough
from freqopt.errors import CrosscheckError, UnsupportedError
from freqopt.typing import Floats

Answer = Callable[[Case], Floats]
"""The trajectory (S + 1, N, d) of a case, or an error: what is judged, wherever it comes from."""

Tolerance = Callable[[str], float]
"""Units in the last place that are allowed in a dtype."""

HOPELESS = 1000.0
"""So many times the tolerance is no rounding where steps are few."""


def judge(answer: Answer, on: Iterable[Case], ulps: float | Tolerance | None = None) -> Report:
    """Compare answers with the reference, case by case.

    Parameters
    ----------
    answer : callable (case) -> (S + 1, N, d)
        `answers(implementation)`, or what reads answers from files.
    on : iterable of Case
    ulps : float or callable (dtype) -> float, optional
        Tolerance in units in the last place. By default 8 in float32 and 1024 in float64: at most
        a tenth of the effect of the smallest mistake that the cases are made to find
        (`freqopt.crosscheck.kit`).

    Raises
    ------
    CrosscheckError
        None of the cases is supported, so nothing was judged; or the tolerance is below 0 or NaN.
    """
    if ulps is not None and not callable(ulps) and not ulps >= 0:
        raise CrosscheckError(f"a tolerance of {ulps} ULP; expected a number of at least 0")
    judgements: list[Judgement] = []
    for case in sorted(on, key=lambda case: case.exercise.name in LARGE):
        # What is wrong in a few steps is not asked again how far rounding would go in many.
        lost = case.exercise.name in LARGE and any(j.verdict == "FAIL" for j in judgements)
        judgements.append(_judge(answer, case, ulps, patient=not lost))
    report = Report(tuple(judgements))
    if len(report.having("NONE")) == len(report.judgements):
        raise CrosscheckError(f"nothing could be judged. {report.summary()}")
    return report


NEVER_SEEN = (("NaN where nonfinite = raise", "whether it is refused is not asked"),)
"""What no case of a plain pass judges, of any implementation, and why."""

ZERO = ("0 / 0 where epsilon = 0", "--set epsilon=0 judges it")
"""What is not judged where epsilon is positive in every case: ours is 0, others' may be NaN."""

STARTS = {CAST: np.float32, CAST_FIRST: np.float64}
"""The dtype of the tables that are compared, where it is not the case's."""

FINE = ("main", "nonfinite")
"""Exercises after which the caller's arrays are looked at."""


def judge_implementation(
    implementation: Implementation,
    rule: str,
    dtypes: Iterable[str] = DTYPES,
    *,
    options: Mapping[str, Any] | None = None,
    dialect: Mapping[str, Any] | None = None,
    ulps: float | None = None,
    group: Group | None = None,
    thoroughly: bool = False,
) -> Report:
    """Ask an implementation what it accepts, and judge it on that.

    Parameters
    ----------
    implementation : Implementation
    rule : str
        A rule's name, or the path of a user's own file with a rule.
    dtypes : sequence of "float32", "float64"
    options : dict, optional
        Options of the rule: only these are judged.
    dialect : dict, optional
        Choices and numbers that the implementation is meant to have; it is judged beside them.
    ulps : float, optional
        As `judge`.
    group : callable, optional
        Makes an optimizer of several tables, see `freqopt.crosscheck.life`.
    thoroughly : bool
        Whether rows and counts beyond 2^24 are judged too, some seconds and 1 GB of memory.

    Raises
    ------
    RuleError
        No rule has that name, or it does not take the options.
    CrosscheckError
        The implementation refuses everything.
    """
    accepts = {dtype: partial(accepted, implementation, dtype=dtype) for dtype in dtypes}
    chosen = select(rule, accepts, options, dialect)
    report = judge(answers(implementation), chosen.cases, ulps)
    asked = [j for j in report.judgements if j.verdict != "NONE"]
    judged = [j.case for j in asked]
    lived, missing = _lives(implementation, asked, group, ulps)
    missing += NEVER_SEEN
    if judged and all(getattr(case.rule, "epsilon", 0) > 0 for case in judged):
        missing += (ZERO,)
    if getattr(implementation, "shares_memory", True):
        fine = [j for j in report.having("PASS") if j.case.exercise.name in FINE]
        wide = [j for j in fine if j.dtype == "float64"]
        left = of_caller(implementation, wide or fine)
        lived += [] if left is None else [left]
        again = None if report.clearest is None else of_again(implementation, report.clearest)
        if again is not None:
            lived, report = [again, *lived], replace(report, repeatable=False)
    beyond, not_beyond = _beyond(implementation, judged, thoroughly=thoroughly)
    lived, missing = [*lived, *beyond], [*missing, *not_beyond]
    table = coverage(judged, chosen.acceptance, missing)
    return replace(report, coverage=table, lives=tuple(lived))


def _beyond(
    implementation: Implementation, judged: Sequence[Case], *, thoroughly: bool
) -> Thorough:
    """Rows and counts beyond 2^24: of the rule that is accepted in a wide and a narrow dtype."""
    what = "rows and counts beyond 2^24"
    if not thoroughly:
        return [], [(what, "--thorough judges them")]
    if not getattr(implementation, "shares_memory", True):
        return [], [(what, "a program is not handed so many numbers as text")]
    on = {c.exercise.table.dtype: c for c in reversed(judged) if c.exercise.name == "main"}
    found, missing = [], dict[str, str]()
    for case in on.values():
        one, absent = thorough(implementation, case)
        found += one
        missing |= dict(absent)
    return found, list(missing.items())


def _lives(
    implementation: Implementation,
    judged: Sequence[Judgement],
    group: Group | None,
    ulps: float | None,
) -> tuple[list[Judgement], list[tuple[str, str]]]:
    """What happens to the optimizer, judged; and what it does not offer."""
    right = {j.case.name for j in judged if j.verdict == "PASS"}
    put = richest([j.case for j in judged], right)
    if not put:
        return [], []
    try:
        has = offered(implementation, put[0])
    except Exception:  # it fails at its start, as its cases say
        return [], []
    own = getattr(implementation, "shares_memory", True)
    lacks = "what make returns has no" if own else "the program is not ready for"
    found, missing = [], dict[str, str]()
    for case in put:
        for life in (*lives(case.rule), *(groups(group) if group else ())):
            if not set(life.needs) <= has:
                needed = " and ".join(life.needs)
                missing[life.name] = f"{lacks} {needed if own else needed.removeprefix('set_')}"
                continue
            start = STARTS.get(life.name, case.exercise.table.dtype)
            on = replace(case.in_dtype(start), name=f"{life.name}: {case.name}")
            one = judge_life(answers(life.lived(implementation)), life, on, ulps)
            if one.verdict == "NONE":
                missing[life.name] = one.message
            else:
                found.append(one)
    if group is None:
        missing["several tables, a shared one, options for each"] = "no make_group is given"
    return found, list(missing.items())


def judge_life(answer: Answer, life: Life, case: Case, ulps: float | None = None) -> Judgement:
    """One thing that happens to an optimizer, in one case.

    Parameters
    ----------
    answer : callable (case) -> (S + 1, N, d)
        Of the optimizer to which it has happened.
    life : Life
    case : Case
    ulps : float, optional
        As `judge`.
    """
    one = _judge(answer, case, ulps, trace(life.right, case))
    if one.got is None or one.verdict != "FAIL":
        return one
    view = Seen(case.exercise, one.got, TOLERANCE[one.dtype])
    with np.errstate(all="ignore"):
        causes = (c for c, wrong in life.wrong.items() if apart(wrong, case.rule, [view]) < np.inf)
        cause = next(causes, "")
    worst = 0.0 if one.comparison is None else one.comparison.ulps * np.finfo(one.dtype).eps
    if not cause and life.name == CAST_FIRST and worst < SMALL:
        cause = "after a cast something is still rounded to float32"
    return replace(one, cause=cause)


def answers(implementation: Implementation) -> Answer:
    """What an implementation answers: its trace."""
    return lambda case: trace(implementation, case)


def _judge(
    answer: Answer,
    case: Case,
    ulps: float | Tolerance | None,
    expected: Floats | None = None,
    *,
    patient: bool = True,
) -> Judgement:
    try:
        got = answer(case)
    except UnsupportedError as error:
        return Judgement(case, "NONE", message=str(error))
    except CrosscheckError as error:
        return Judgement(case, "ERROR", message=str(error))
    patient = patient and expected is None  # of a life it is not known how far rounding goes
    expected = trace(reference, case) if expected is None else expected
    if ulps is None:
        ulps = WIDEST[expected.dtype]
    allowed: Any = ulps(str(expected.dtype)) if callable(ulps) else ulps
    found = compare(case, expected, got, allowed)
    hopeless = case.exercise.name not in LARGE and found.ulps > HOPELESS * np.max(allowed)
    if found.first is not None and allowed and patient and not hopeless:
        allowed = allowed + of_decay(case)
        found = compare(case, expected, got, allowed)
        for far in rounding(case, expected) if found.first is not None else ():
            found = compare(case, expected, got, allowed := np.maximum(allowed, far))
            if found.first is None:
                break
    if found.first is not None and lazily(case.rule):
        lying = compare(case, trace(as_it_lies, case), got, allowed)
        found = found if lying.first is not None else lying
    if found.first is None:
        return Judgement(case, "PASS", found, got=got)
    return Judgement(case, "FAIL", found, block(case, expected, got, found.first), got)
