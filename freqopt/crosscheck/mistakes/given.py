"""What is handed in to a rule (token frequencies), read wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.optimizers import Rule
from freqopt.typing import Floats

_LIMITS = (0.5, 0.25, 0.2, 0.1, 0.05, 0.02, 0.01, 1e-3)

_READ: dict[str, Callable[[Any], Any]] = {
    "{} is divided by its largest": lambda p: p / p.max(),
    "{} is divided by its mean": lambda p: p / p.mean(),
    "{} is divided by its sum of squares' root": lambda p: p / np.sqrt((p * p).sum()),
    "{} is multiplied by the number of rows": lambda p: p * p.size,
    "{} is divided by the number of rows": lambda p: p / p.size,
    "{} is the same for all rows: its mean": lambda p: np.full_like(p, p.mean()),
    "{} is the same for all rows: 1 over their number": lambda p: np.full_like(p, 1 / p.size),
    "{} is read in the reverse order": lambda p: p[::-1].copy(),
    "{} is read at the next row": lambda p: np.roll(p, -1),
    "{} is read at the row before": lambda p: np.roll(p, 1),
    "{} is read in ascending order": np.sort,
    "{} is taken for its rest: 1 - {}": lambda p: 1 - p,
    "the root of {} is read": np.sqrt,
    "the square of {} is read": np.square,
    "{} goes through float32": lambda p: p.astype(np.float32).astype(np.float64),
    "{} goes through float16": lambda p: p.astype(np.float16).astype(np.float64),
    "{} is rounded to two digits": lambda p: p.round(2),
    "{} is rounded to three digits": lambda p: p.round(3),
    **{f"{{}} below {c:g} is raised to it": partial(np.maximum, c) for c in _LIMITS},
    **{f"{{}} above {c:g} is lowered to it": partial(np.minimum, c) for c in _LIMITS},
    **{f"{{}} is smoothed: {c:g} is added": partial(np.add, c) for c in (*_LIMITS, 1e-6, 1e-8)},
}  # fmt: skip


def in_given(names: list[str]) -> Iterator[Mistake]:
    """How an array that is handed in is read."""
    for name in names:
        for cause, change in _READ.items():
            yield Mistake(cause.format(name, name), _read(name, change))
        place = f"{name} is read at a row's place in its batch, not at the row"
        yield Mistake(place, _at_place(name))


def _read(name: str, change: Callable[[Any], Any]) -> Implementation:
    """The rule's own checks are not asked: what is read may be no probability."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        changed = np.asarray(change(np.array(given[name])), float)

        def decayed(self: Rule, w: Floats, s: Any) -> Floats:
            setattr(s, name, changed[s.ids].reshape(getattr(s, name).shape))
            return type(self)._decayed(self, w, s)

        free = rule.with_methods(_decayed=decayed, update=type(rule).update)
        return reference(free, table, given)

    return implementation


def _at_place(name: str) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        values = np.array(given[name])

        def decayed(self: Rule, w: Floats, s: Any) -> Floats:
            setattr(s, name, values[: s.ids.size].reshape(getattr(s, name).shape))
            return type(self)._decayed(self, w, s)

        free = rule.with_methods(_decayed=decayed, update=type(rule).update)
        return reference(free, table, given)

    return implementation
