"""Batches that a row has missed, made up for wrongly: catch-up, and decay that is lazy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from freqopt.crosscheck.implementation import Given, Implementation, Step, as_it_lies, reference
from freqopt.crosscheck.mistakes.mistake import Mistake
from freqopt.crosscheck.mistakes.state import bounded
from freqopt.optimizers import Rule, State
from freqopt.optimizers._batch import Batch
from freqopt.streams.elementary import integer_power as _integer_power
from freqopt.typing import Floats, Integers

integer_power: Callable[[float, Any], Any] = _integer_power

When = Callable[[int, int, int], int | None]
"""(the batch up to which a row had caught up, one that it missed, the last that it missed) -> the
batch that is replayed in its place; None for none."""


def in_replays(rule: Rule) -> Iterator[Mistake]:
    """What a rule that catches up, or decays lazily, makes up for."""
    if rule.catches_up_before_reading:
        slots = [s.name for s in rule.all_slots() if s.dtype == "table"]
        yield Mistake(f"rows that wait {_LIES}", as_it_lies)
        for one in _in_catching_up(slots):
            yield one
            yield Mistake(f"{one.cause}; rows that wait {_LIES}", _lying(one.apply), one.rank + 1)
    if rule.weight_decay and rule.decay == "decoupled" and rule.decay_rows == "lazy":
        yield from _in_lazy_decay()


_LIES = "are shown as they lie, before they catch up"


def _lying(apply: Implementation) -> Implementation:
    """Nothing catches up to be read."""
    return lambda rule, table, given: apply(
        rule.with_methods(catch_up=lambda *_a, **_k: None), table, given
    )


# -- catch-up ------------------------------------------------------------------------------------


def _in_catching_up(slots: list[str]) -> Iterator[Mistake]:
    yield Mistake("missed batches are not replayed", _replaying(lambda a, t, b: None))
    whens: dict[str, When] = {
        "the first missed batch is not replayed": lambda a, t, b: t if t > a + 1 else None,
        "the last missed batch is not replayed": lambda a, t, b: t if t < b else None,
        "one missed batch alone is replayed: the first": lambda a, t, b: t if t == a + 1 else None,
        "one missed batch alone is replayed: the last": lambda a, t, b: t if t == b else None,
        "every second missed batch is replayed": lambda a, t, b: t if (t - a) % 2 else None,
        "missed batches are replayed at the step of the last visit": lambda a, t, b: max(a, 1),
        "missed batches are replayed at the step after the last visit": lambda a, t, b: a + 1,
        "missed batches are replayed at the present step": lambda a, t, b: b + 1,
        "missed batches are replayed at the last missed step": lambda a, t, b: b,
        "missed batches are replayed one step early": lambda a, t, b: max(t - 1, 1),
        "missed batches are replayed one step late": lambda a, t, b: t + 1,
        "missed batches are replayed from step 1 on": lambda a, t, b: t - a,
        "missed batches are replayed in the reverse order": lambda a, t, b: b - (t - a - 1),
    }
    for cause, when in whens.items():
        yield Mistake(cause, _replaying(when))
    for most in (*range(2, 13), 15, 16, 20, 32, 50, 64, 100, 127, 128, 255, 256, 500, 512, 1000):
        yield Mistake(
            f"at most {most} missed batches are replayed, the first ones",
            _replaying(lambda a, t, b, n=most: t if t <= a + n else None),  # type: ignore[misc]
            0,
        )
        yield Mistake(
            f"at most {most} missed batches are replayed, the last ones",
            _replaying(lambda a, t, b, n=most: t if t > b - n else None),  # type: ignore[misc]
            0,
        )
        yield Mistake(
            f"a row that missed more than {most} batches is not caught up",
            _replaying(lambda a, t, b, n=most: t if b - a <= n else None),  # type: ignore[misc]
            0,
        )
    for name in slots:
        still = f"{name} stands still in missed batches"
        yield Mistake(still, _replaying(_every, still=[name]))
    if len(slots) > 1:
        both = " and ".join(slots)
        yield Mistake(f"{both} stand still in missed batches", _replaying(_every, still=slots))
    yield Mistake("in missed batches the state fades and the weights stay", _replaying(_every, "w"))


def _every(_a: int, t: int, _b: int) -> int:
    return t


def _kept(old: Any, _new: Any) -> Any:
    return old


def _replaying(when: When, part: str = "", still: list[str] | None = None) -> Implementation:
    """The rule with other replays; `part` "w": weights stay; `still`: slots that stay."""

    def replay(self: Any, table: Floats, state: State, rows: Integers, until: int) -> None:
        settled_at = state["settled_at"]
        apply = next(c for c in type(self).__mro__[1:] if hasattr(c, "_apply"))._apply
        for row in rows.tolist():
            start, here = int(settled_at[row]), np.array([row])
            weights = table[row].copy()
            if not self._at_rest(state, here)[0]:
                for missed in range(start + 1, until + 1):
                    t = when(start, missed, until)
                    if t is not None:
                        absent = Batch(here, np.zeros_like(table[here]), np.zeros(1, np.int64))
                        apply(self, table, {**state, "t": np.array(t)}, absent, True)
            if part == "w":
                table[row] = weights
            settled_at[row] = max(until, start)

    def update(self: Rule, w: Floats, g: Floats, s: Any) -> Floats:
        """A slot that stands still keeps its value, also for this step."""
        for name in still or () if not s.occurrences.any() else ():
            s = bounded(s, name, partial(_kept, getattr(s, name)))
        return type(self).update(self, w, g, s)

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        return reference(rule.with_methods(_replay=replay, update=update), table, given)

    return implementation


# -- decay that is lazy --------------------------------------------------------------------------

Factor = Callable[[float, Any, Any, Rule], Any]
"""(1 - rate * weight_decay, batches since the last visit, batch of it, rule) -> the factor of w."""


def _in_lazy_decay() -> Iterator[Mistake]:
    factors: dict[str, Factor] = {
        "one missed batch too few": lambda f, gap, at, r: integer_power(f, np.maximum(gap - 1, 0)),
        "one missed batch too many": lambda f, gap, at, r: integer_power(f, gap + 1),
        "one missed batch too many after the first visit": lambda f, gap, at, r: integer_power(
            f, gap + (at > 0)
        ),
        "missed batches are not made up for": lambda f, gap, at, r: integer_power(
            f, np.minimum(gap, 1)
        ),
        "they are made up for linearly: 1 - gap rate weight_decay": lambda f, gap, at, r: (
            1 - gap * (1 - f)
        ),
        "they are made up for linearly, not below 0": lambda f, gap, at, r: np.maximum(
            1 - gap * (1 - f), 0
        ),
        "they are made up for by exp(-gap rate weight_decay)": lambda f, gap, at, r: np.exp(
            -gap * (1 - f)
        ),
        "the time before the first visit is not made up for": lambda f, gap, at, r: integer_power(
            f, np.where(at > 0, gap, np.minimum(gap, 1))
        ),
        "the time before the first visit is not made up for, nor is that batch":
            lambda f, gap, at, r: integer_power(f, np.where(at > 0, gap, 0)),
        "only the time before the first visit is made up for": lambda f, gap, at, r: integer_power(
            f, np.where(at > 0, np.minimum(gap, 1), gap)
        ),
        "the whole time so far is made up for at every visit": lambda f, gap, at, r: integer_power(
            f, gap + at
        ),
        "the square root of the gap is taken": lambda f, gap, at, r: f ** np.sqrt(gap),
        "they are divided by, not multiplied": lambda f, gap, at, r: 1 / integer_power(f, gap),
    }  # fmt: skip
    for cause, factor in factors.items():
        said = f"lazy decay: {cause}"
        yield Mistake(said, _lazily(factor, shown=True))
        yield Mistake(f"{said}; shown as it lies", _lazily(factor, shown=False), 1)


def _lazily(factor: Factor, *, shown: bool) -> Implementation:
    """The rule with its own decay off and this one in its place; `shown`: rows have caught up."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        last = np.zeros((len(table), 1), np.int64)

        def shrunk(t: int, where: Any) -> Floats:
            f = 1 - rule.rate(t) * rule.weight_decay
            gap = t - last[where]
            return np.asarray(factor(f, gap, last[where], rule), table.dtype)

        def decayed(self: Rule, w: Floats, s: Any) -> Floats:
            new = w * np.where(s.t > last[s.ids], shrunk(s.t, s.ids), 1).astype(w.dtype)
            last[s.ids] = s.t
            return new

        free = rule.with_methods(_decayed=decayed, catch_up=lambda *_a, **_k: None)
        state = free.init(table, **given)

        def step(rows: Integers, grads: Floats) -> Floats:
            free.step(table, state, rows, grads)
            t = int(state["t"])
            if not shown:
                return table.copy()
            behind = t > last
            return np.where(behind, table * shrunk(t, slice(None)), table)

        return step

    return implementation
