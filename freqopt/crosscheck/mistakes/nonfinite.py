"""Gradients that are NaN or infinite, dropped or used wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.implementation import Given, Implementation, Step
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.crosscheck.mutants._around import on_batch
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

Taken = tuple[Integers, Floats]
Test = Callable[[Floats], Any]
"""Gradients (B, d) -> bool (B, d) or (B,)."""


def _keeping(bad: Test) -> Callable[[Integers, Floats], Taken]:
    """Occurrences for which `bad` (B,) does not hold."""
    return lambda rows, grads: (rows[~bad(grads)], grads[~bad(grads)])


def _any(test: Test) -> Test:
    return lambda grads: test(grads).any(axis=1)


def _bad(grads: Floats) -> NDArray[np.bool_]:
    return ~np.isfinite(grads)


def _zeroed(rows: Integers, grads: Floats) -> Taken:
    return rows, np.where(_bad(grads), 0, grads).astype(grads.dtype)


def _row_dropped(rows: Integers, grads: Floats) -> Taken:
    keep = ~np.isin(rows, rows[_any(_bad)(grads)])
    return rows[keep], grads[keep]


def _batch_dropped(rows: Integers, grads: Floats) -> Taken:
    keep = slice(0, 0) if _bad(grads).any() else slice(None)
    return rows[keep], grads[keep]


def _occurrence_zeroed(rows: Integers, grads: Floats) -> Taken:
    return rows, np.where(_any(_bad)(grads)[:, None], 0, grads).astype(grads.dtype)


def _column_zeroed(rows: Integers, grads: Floats) -> Taken:
    return rows, np.where(_bad(grads).any(axis=0), 0, grads).astype(grads.dtype)


def _replaced(rows: Integers, grads: Floats) -> Taken:
    return rows, np.nan_to_num(grads)


def _after_first(rows: Integers, grads: Floats) -> Taken:
    """From the first bad occurrence on everything is dropped."""
    bad = _any(_bad)(grads)
    stop = int(np.argmax(bad)) if bad.any() else len(rows)
    return rows[:stop], grads[:stop]


_CHANGES: dict[str, Callable[[Integers, Floats], Taken]] = {
    "the entries that are not finite are set to 0, the rest of the occurrence is used": _zeroed,
    "an occurrence that is not finite is set to 0, and its row is updated": _occurrence_zeroed,
    "all occurrences of a row are dropped if one is not finite": _row_dropped,
    "the whole batch is dropped if one occurrence is not finite": _batch_dropped,
    "everything is dropped from the first occurrence on that is not finite": _after_first,
    "columns in which a gradient is not finite are set to 0": _column_zeroed,
    "NaN is replaced by 0 and infinity by the largest number": _replaced,
    "NaN alone is replaced by 0, infinity is used": lambda rows, grads: (
        rows, np.where(np.isnan(grads), 0, grads).astype(grads.dtype)
    ),
    "occurrences with NaN are dropped, infinite ones are used": _keeping(_any(np.isnan)),
    "infinite occurrences are dropped, those with NaN are used": _keeping(_any(np.isinf)),
    "occurrences are dropped only if no entry is finite": _keeping(lambda g: _bad(g).all(axis=1)),
    "occurrences are dropped only if every entry is NaN": _keeping(
        lambda g: np.isnan(g).all(axis=1)
    ),
    "occurrences are dropped only if the first entry is not finite": _keeping(
        lambda g: _bad(g)[:, 0]
    ),
    "occurrences are dropped if the sum of their entries is not finite, +inf alone is used":
        _keeping(lambda g: _bad(g).any(axis=1) & ~np.isposinf(g.sum(axis=1))),
    "occurrences with +inf are used": _keeping(
        lambda g: (np.isnan(g) | np.isneginf(g)).any(axis=1)
    ),
    "occurrences with -inf are used": _keeping(
        lambda g: (np.isnan(g) | np.isposinf(g)).any(axis=1)
    ),
    "occurrences that are not finite are dropped": _keeping(_any(_bad)),
}  # fmt: skip


def in_nonfinite() -> Iterator[Mistake]:
    """What becomes of an occurrence that is not finite."""
    for cause, change in _CHANGES.items():
        yield Mistake(cause, _used(change))
    yield Mistake(
        "a batch with an occurrence that is not finite is dropped and not counted", _uncounted
    )


def _used(change: Callable[[Integers, Floats], Taken]) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        used = rule.model_copy(update={"nonfinite": "propagate"})
        return on_batch(change)(used, table, given)

    return implementation


def _uncounted(rule: Rule, table: Floats, given: Given) -> Step:
    state = rule.init(table, **given)

    def step(rows: Integers, grads: Floats) -> Floats:
        if not _bad(grads).any():
            rule.step(table, state, rows, grads)
        seen, kept = table.copy(), {name: values.copy() for name, values in state.items()}
        rule.catch_up(seen, kept)
        return seen

    return step
