"""The caller's arrays: an optimizer leaves them as they are, and keeps none of them.

A gradient belongs to whoever handed it in: it may be logged, added to, cleared in place, and used
for the next batch. So the cases that passed are run again by a caller who looks at the arrays after
each step and then overwrites them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from freqopt.crosscheck.cases.dialects import Case
from freqopt.crosscheck.implementation import Given, Implementation, Step, trace
from freqopt.crosscheck.report import Judgement
from freqopt.errors import CrosscheckError
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

NAME = "the caller's arrays"

KEPT = "{} that is handed in is kept, not copied, and changes when the caller uses it again"
HANDED = {"grads": "a gradient", "rows": "an array of rows"}
WRITTEN = "what is handed in is written to: {} of a batch is not as before after a step"


AGAIN = "the same case again"

GOES_ON = (
    "two runs of the same case differ: an optimizer goes on where an earlier one stopped, for its "
    "step or its state belongs to a class or module and not to it; or it draws random numbers"
)


def of_again(implementation: Implementation, one: Judgement) -> Judgement | None:
    """Whether a case that failed, run once more by a new optimizer, shows something else."""
    try:
        again = trace(implementation, one.case)
    except CrosscheckError:
        return None
    if np.array_equal(again, np.asarray(one.got), equal_nan=True):
        return None
    case = replace(one.case, name=f"{AGAIN}: {one.case.name}")
    return Judgement(case, "FAIL", one.comparison, f"{case.name}, {one.dtype}", cause=GOES_ON)


def of_caller(implementation: Implementation, passed: Iterable[Judgement]) -> Judgement | None:
    """Whether the caller's arrays are left alone, in the cases that passed; None if none did."""
    some = list(passed)
    for one in some:
        written: set[str] = set()
        try:
            got = trace(_reused(implementation, written, HANDED), one.case)
        except CrosscheckError as error:
            return Judgement(_named(one), "ERROR", message=str(error))
        cause = WRITTEN.format(" and ".join(sorted(written))) if written else ""
        if not written and not np.array_equal(got, np.asarray(one.got), equal_nan=True):
            cause = KEPT.format(_kept(implementation, one))
        if cause:
            message = f"{NAME}, {one.case.name}, {one.dtype}\n  every table is as expected"
            return Judgement(_named(one), "FAIL", one.comparison, message, cause=cause)
    return Judgement(_named(some[0]), "PASS", some[0].comparison) if some else None


def _kept(implementation: Implementation, one: Judgement) -> str:
    """Which of the caller's arrays are used after the step."""
    kept = []
    for name, said in HANDED.items():
        try:
            got = trace(_reused(implementation, set(), [name]), one.case)
            same = np.array_equal(got, np.asarray(one.got), equal_nan=True)
        except CrosscheckError:  # what became of the array is not what it can use
            same = False
        kept += [] if same else [said]
    return " and ".join(kept or HANDED.values())


def _named(one: Judgement) -> Case:
    return replace(one.case, name=f"{NAME}: {one.case.name}")


def _reused(
    implementation: Implementation, written: set[str], names: Iterable[str]
) -> Implementation:
    """The implementation, for a caller who uses the named arrays for something else after a step.

    What the implementation has written to is added to `written`.
    """

    def start(rule: Rule, table: Floats, given: Given) -> Step:
        step = implementation(rule, table, given)

        def again(rows: Integers, grads: Floats) -> Floats:
            before = {"rows": rows.copy(), "grads": grads.copy()}
            after = np.array(step(rows, grads))
            for name, now in (("rows", rows), ("grads", grads)):
                if not np.array_equal(now, before[name], equal_nan=name == "grads"):
                    written.add(name)
            if "rows" in names:
                rows[...] = 0
            if "grads" in names:
                grads[...] = 1e3
            return after

        return again

    return start
