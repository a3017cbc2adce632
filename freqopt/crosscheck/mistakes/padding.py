"""A padding row that is not simply left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference, shown
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

Taken = Callable[[NDArray[np.bool_], Floats], tuple[NDArray[np.bool_], Floats]]
"""(which occurrences are of the padding row, gradients) -> those that are taken, gradients."""


def in_padding() -> Iterator[Mistake]:
    """What is done with a padding row and its occurrences."""
    for said, taken in {
        "takes part with a gradient of 0": lambda here, grads: (
            np.ones_like(here), np.where(here[:, None], 0, grads).astype(grads.dtype)
        ),
        "empties every batch that it is in": lambda here, grads: (
            np.full_like(here, not here.any()), grads
        ),
        "ends the batch: what comes after it is dropped": lambda here, grads: (
            np.cumsum(here) == 0, grads
        ),
        "begins the batch: what comes before it is dropped": lambda here, grads: (
            ~here & ((np.cumsum(here) > 0) | ~here.any()), grads
        ),
    }.items():  # fmt: skip
        yield Mistake(f"the padding row {said}", _taking(taken))
    for off, where in ((-1, "before"), (1, "after")):
        yield Mistake(f"the row {where} the padding row is left out", _beside(off))
    for said, when in {
        "when it comes": lambda comes, _t: comes,
        "in every step": lambda _comes, _t: True,
        "in the first step": lambda _comes, t: t == 1,
    }.items():
        yield Mistake(f"the padding row is set to 0 {said}", _zeroed(when))


def _taking(taken: Taken) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        step = reference(rule.model_copy(update={"padding_row": None}), table, given)

        def again(rows: Integers, grads: Floats) -> Floats:
            if rule.padding_row is None:
                return step(rows, grads)
            kept, new = taken(rows == rule.padding_row, grads)
            return step(rows[kept], new[kept])

        return again

    return implementation


def _beside(off: int) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        if rule.padding_row is None:
            return reference(rule, table, given)
        other = (rule.padding_row + off) % len(table)
        return reference(rule.model_copy(update={"padding_row": other}), table, given)

    return implementation


def _zeroed(when: Callable[[bool, int], bool]) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state, t, padding = rule.init(table, **given), 0, rule.padding_row

        def step(rows: Integers, grads: Floats) -> Floats:
            nonlocal t
            t += 1
            rule.step(table, state, rows, grads)
            if padding is not None and padding < len(table):
                comes = bool((rows == padding).any())
                table[padding] *= not when(comes, t)
            return shown(rule, table, state)

        return step

    return implementation
