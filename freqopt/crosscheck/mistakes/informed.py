"""What an equation is not told, for mistakes that use it: earlier visits, single occurrences.

Such a mistake reads further quantities of `s`, one for each row:

    s._gap       batches since the row's last visit, this one included
    s._visits    batches in which the row was, before this one
    s._raw       the gradient without weight decay
    s._handed    the same with the sign in which it was handed in
    s._first, s._last, s._largest   one of the row's occurrences; 0 if there is none
    s._squares   the sum of the occurrences' squares

A method that is not given `s` finds it as `self._now`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

ASKED = {"_gap", "_visits", "_raw", "_handed", "_first", "_last", "_largest", "_squares", "_now"}
"""The names of these."""


def informed(**functions: Callable[..., Any]) -> Implementation:
    """The reference with other functions in the place of methods, which find all this in `s`."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        past = _Past(len(table))
        own = type(rule)
        decayed = functions.get("_decayed", own._decayed)
        regularised = functions.get("_regularised", own._regularised)

        def note(self: Rule, w: Floats, s: Any) -> Floats:
            past.note(s, w)
            self.__dict__["_now"] = s
            return decayed(self, w, s)

        def keep(self: Rule, g: Floats, w: Floats) -> Floats:
            past.s._raw, past.s._handed = g, -g if rule.maximize else g
            return regularised(self, g, w)

        changed: dict[str, Callable[..., Any]] = {
            "update": own.update,
            **functions,
            "_decayed": note,
            "_regularised": keep,
        }
        step = reference(rule.with_methods(**changed), table, given)

        def again(rows: Integers, grads: Floats) -> Floats:
            past.rows, past.grads = rows, -grads if rule.maximize else grads
            return step(rows, grads)

        return again

    return implementation


class _Past:
    """What has happened to each row."""

    def __init__(self, size: int) -> None:
        self.last, self.visits = np.zeros(size, np.int64), np.zeros(size, np.int64)
        self.rows: Any = np.zeros(0, np.int64)
        self.grads: Any = None
        self.s: Any = None

    def note(self, s: Any, w: Floats) -> None:
        """Give the state of some rows what is known of them."""
        self.s = s
        here = s.ids[s.occurrences[:, 0] > 0]
        s._gap, s._visits = (s.t - self.last[s.ids])[:, None], self.visits[s.ids][:, None].copy()
        self.last[here] = s.t
        self.visits[here] += 1
        shape = (len(s.ids), w.shape[1])
        s._first, s._last, s._largest, s._squares = (np.zeros(shape, w.dtype) for _ in range(4))
        place = {row: k for k, row in enumerate(s.ids.tolist())}
        for row, grad in zip(self.rows.tolist(), self.grads, strict=True):
            k = place.get(row)
            if k is None:
                continue
            if not s._squares[k].any():
                s._first[k] = grad
            s._last[k] = grad
            s._squares[k] += grad * grad
            if (grad * grad).sum() > (s._largest[k] ** 2).sum():
                s._largest[k] = grad
