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

KEPT = "a gradient that is handed in is kept, not copied, and changes when the caller uses it again"
WRITTEN = "what is handed in is written to: {} of a batch is not as before after a step"


def of_caller(implementation: Implementation, passed: Iterable[Judgement]) -> Judgement | None:
    """Whether the caller's arrays are left alone, in the cases that passed; None if none did."""
    some = list(passed)
    for one in some:
        written: set[str] = set()
        try:
            got = trace(_reused(implementation, written), one.case)
        except CrosscheckError as error:
            return Judgement(_named(one), "ERROR", message=str(error))
        cause = WRITTEN.format(" and ".join(sorted(written))) if written else ""
        if not written and not np.array_equal(got, np.asarray(one.got), equal_nan=True):
            cause = KEPT
        if cause:
            message = f"{NAME}, {one.case.name}, {one.dtype}\n  every table is as expected"
            return Judgement(_named(one), "FAIL", one.comparison, message, cause=cause)
    return Judgement(_named(some[0]), "PASS", some[0].comparison) if some else None


def _named(one: Judgement) -> Case:
    return replace(one.case, name=f"{NAME}: {one.case.name}")


def _reused(implementation: Implementation, written: set[str]) -> Implementation:
    """The implementation, for a caller who uses the same arrays for something else after a step."""

    def start(rule: Rule, table: Floats, given: Given) -> Step:
        step = implementation(rule, table, given)

        def again(rows: Integers, grads: Floats) -> Floats:
            before = {"rows": rows.copy(), "grads": grads.copy()}
            after = np.array(step(rows, grads))
            for name, now in (("rows", rows), ("grads", grads)):
                if not np.array_equal(now, before[name], equal_nan=name == "grads"):
                    written.add(name)
            rows[...], grads[...] = 0, 1e3
            return after

        return again

    return start
