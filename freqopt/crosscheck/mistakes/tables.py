"""The table written at the wrong time or place, and weights that decay wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference, shown
from freqopt.crosscheck.mistakes.by_row import by_row
from freqopt.crosscheck.mistakes.mistake import Mistake, in_methods
from freqopt.crosscheck.mutants._around import on_table
from freqopt.optimizers import Rule, State
from freqopt.optimizers._batch import Batch
from freqopt.typing import Floats, Integers


def in_table() -> Iterator[Mistake]:
    """When and where the table is written."""
    yield Mistake("a row's update is written at its next visit", by_row(_written_late))
    yield Mistake("the table is shown before the step", _shown_late)
    yield Mistake("the step is applied twice to the table", on_table(lambda a, b: b + (b - a)))
    yield Mistake("half of the step is applied", on_table(lambda a, b: a + (b - a) / 2))
    yield Mistake("the last column is never updated", _columns(lambda d: slice(d - 1, d)))
    yield Mistake("only the first column is updated", _columns(lambda d: slice(1, d)))
    yield Mistake(
        "rows outside the batch are not written, though their state goes on",
        _written(lambda n, rows: np.setdiff1d(np.arange(n), rows)),
    )
    yield Mistake("rows of the batch are not written", _written(lambda n, rows: np.unique(rows)))
    for width in (2, 3, 5):
        yield Mistake(
            f"columns after the last whole {width} are not updated",
            _columns(lambda d, k=width: slice(d // k * k, d)),  # type: ignore[misc]
        )
    for width in (2, 3, 4, 8, 16, 32, 64, 128):
        yield Mistake(
            f"columns after the last whole {width} are not updated, if there are more than these",
            _columns(lambda d, k=width: slice(d // k * k if d > k else d, d)),  # type: ignore[misc]
        )
        yield Mistake(
            f"columns after the last whole {width} are updated twice",
            _twice(lambda d, k=width: slice(d // k * k, d)),  # type: ignore[misc]
            1,
        )
    for width in (4, 8, 16, 32, 64, 96, 128, 192, 256):
        yield Mistake(
            f"columns from {width} on are not updated",
            _columns(lambda d, k=width: slice(min(k, d), d)),  # type: ignore[misc]
        )
        yield Mistake(
            f"columns after the last whole {width} are not updated",
            _columns(lambda d, k=width: slice(d // k * k, d)),  # type: ignore[misc]
        )


def _columns(which: Callable[[int], slice]) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        some = which(table.shape[1])

        def change(old: Floats, new: Floats) -> Floats:
            new[:, some] = old[:, some]
            return new

        return on_table(change)(rule, table, given)

    return implementation


def _twice(which: Callable[[int], slice]) -> Implementation:
    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        some = which(table.shape[1])

        def change(old: Floats, new: Floats) -> Floats:
            new[:, some] += new[:, some] - old[:, some]
            return new

        return on_table(change)(rule, table, given)

    return implementation


def _written(kept: Callable[[int, Integers], Integers]) -> Implementation:
    """Some rows keep their weights."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        state = rule.init(table, **given)

        def step(rows: Integers, grads: Floats) -> Floats:
            old = table.copy()
            rule.step(table, state, rows, grads)
            some = kept(len(table), rows)
            table[some] = old[some]
            return shown(rule, table, state)

        return step

    return implementation


def _written_late() -> Callable[..., None]:
    waiting: dict[int, Floats] = {}

    def visit(rule: Rule, table: Floats, state: State, one: Batch, first: bool) -> None:
        row = int(one.rows[0])
        table[row] = waiting.pop(row, table[row])
        old = table[row].copy()
        rule._apply(table, state, one, first)
        waiting[row], table[row] = table[row].copy(), old

    return visit


def _shown_late(rule: Rule, table: Floats, given: Given) -> Step:
    step, last = reference(rule, table, given), table.copy()

    def again(rows: Integers, grads: Floats) -> Floats:
        nonlocal last
        before, last = last, step(rows, grads).copy()
        return before

    return again


def in_decay(slots: list[str]) -> Iterator[Mistake]:
    """How weights decay, or a slot of the state in their place."""
    for name in slots:
        for said, weight in (("not the weight", 0.0), ("and the weight", 1.0)):
            yield Mistake(
                f"the decoupled decay shrinks {name}, {said}",
                in_methods(_decayed=_slot_shrunk(name, weight), update=_as_in_rule),
            )
        yield Mistake(
            f"the decay is that of {name}, not of the weight",
            in_methods(_regularised=_l2_of(name), _decayed=_noted, update=_as_in_rule),
        )
    for cause, grad in {
        "the decay is a constant: weight_decay without the weight": lambda g, w, c: g + c,
        "the decay has the weight's sign alone": lambda g, w, c: g + c * np.sign(w),
        "the decay has the weight without its sign": lambda g, w, c: g + c * np.abs(w),
        "the decay has the square of the weight": lambda g, w, c: g + c * w * w,
        "the decay is half as large: weight_decay / 2": lambda g, w, c: g + c / 2 * w,
        "the decay is twice as large: 2 weight_decay": lambda g, w, c: g + 2 * c * w,
        "the decay pulls away from 0: its sign is turned": lambda g, w, c: g - c * w,
        "the gradient is replaced by the decay": lambda g, w, c: c * w,
    }.items():
        yield Mistake(cause, in_methods(_regularised=_l2(grad)))
        if "gradient" not in cause:
            yield Mistake(f"{cause}; decoupled", in_methods(_decayed=_shrunk(grad)), 1)
    yield from _partial_decay()
    for said, weight in (("the weight before it", 0), ("the weight after it", 1)):
        yield Mistake(
            f"the weights decay twice: in the gradient, with {said}, and beside the step",
            in_methods(_regularised=_both(weight), _decayed=_noted_decay, update=_as_in_rule),
        )
    yield Mistake(
        "the decoupled decay comes after the step, on the new weight",
        in_methods(_decayed=_as_it_is, update=_updated(lambda old, new, c: new - c * new)),
    )
    yield Mistake(
        "the decay comes after the step, on the new weight, with the rate",
        in_methods(_regularised=_raw, update=_updated(lambda old, new, c: new - c * new)),
    )
    yield Mistake(
        "the decay is not in the gradient but beside the step (decoupled)",
        in_methods(_regularised=_raw, update=_updated(lambda old, new, c: new - c * old)),
        1,
    )
    yield Mistake(
        "the decay grows the weight beside the step",
        in_methods(_regularised=_raw, update=_updated(lambda old, new, c: new + c * old)),
    )
    yield Mistake(
        "the decay comes after the step without the rate",
        in_methods(
            _regularised=_raw, _decayed=_as_it_is, update=_updated(lambda o, n, c: n - c * n, False)
        ),
    )


def _partial_decay() -> Iterator[Mistake]:
    """Decay of other rows than those that should decay, and by another rate."""
    for said, which in {
        "in rows of the batch alone": lambda s: s.occurrences > 0,
        "in rows outside the batch alone": lambda s: s.occurrences == 0,
        "in rows that come more than once alone": lambda s: s.occurrences > 1,
    }.items():
        yield Mistake(f"the weights decay {said}", _where(which))
    for said, rate in {
        "with lr, not with the rate that has fallen": lambda rule, t: rule.lr,
        "without the rate": lambda rule, t: 1.0,
        "with the square of the rate": lambda rule, t: rule.rate(t) ** 2,
        "with the root of the rate": lambda rule, t: rule.rate(t) ** 0.5,
        "with the rate over 1 - beta1^t": lambda rule, t: rule.rate(t) / (1 - rule.beta1**t),
        "with the rate times 1 - beta1^t": lambda rule, t: rule.rate(t) * (1 - rule.beta1**t),
        "with the rate times sqrt(1 - beta2^t) / (1 - beta1^t)": lambda rule, t: (
            rule.rate(t) * np.sqrt(1 - rule.beta2**t) / (1 - rule.beta1**t)
        ),
        "with the rate over sqrt(1 - beta2^t)": lambda rule, t: (
            rule.rate(t) / np.sqrt(1 - rule.beta2**t)
        ),
        "twice": lambda rule, t: 2 * rule.rate(t),
        "with the rate times 1 - beta1": lambda rule, t: rule.rate(t) * (1 - rule.beta1),
        "with the rate of the step before": lambda rule, t: rule.rate(max(t - 1, 1)),
        "with the rate of the step after": lambda rule, t: rule.rate(t + 1),
        "with the rate over the step": lambda rule, t: rule.rate(t) / t,
    }.items():
        yield Mistake(f"the decoupled decay acts {said}", _decaying_by(rate))
    yield Mistake("decay_rows = all: no row decays in an empty batch", _none_if_empty)
    yield Mistake("decay_rows = all: rows of the batch decay twice", in_methods(_decayed=_again))


def _where(which: Callable[[Any], Any]) -> Implementation:
    """Weight decay, of either kind, in some of the updated rows."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        now: dict[str, Any] = {}

        def decayed(self: Rule, w: Floats, s: Any) -> Floats:
            now["mask"] = which(s)
            return np.where(now["mask"], type(self)._decayed(self, w, s), w)

        def regularised(self: Rule, g: Floats, w: Floats) -> Floats:
            return np.where(now["mask"], type(self)._regularised(self, g, w), g)

        other = rule.with_methods(
            _decayed=decayed, _regularised=regularised, update=type(rule).update
        )
        return reference(other, table, given)

    return implementation


def _decaying_by(rate: Callable[[Any, int], float]) -> Implementation:
    """Decoupled decay by another rate, of the rows that decay."""

    def implementation(rule: Rule, table: Floats, given: Given) -> Step:
        if rule.decay == "l2" or rule.decay_rows == "lazy":
            return reference(rule, table, given)
        none = rule.model_copy(update={"weight_decay": 0.0})
        state = none.init(table, **given)

        def decayed(self: Rule, w: Floats, s: Any) -> Floats:
            return w * (1 - rate(rule, s.t) * rule.weight_decay)

        other = (
            none
            if rule.decay_rows == "all"
            else none.with_methods(_decayed=decayed, update=type(rule).update)
        )

        def step(rows: Integers, grads: Floats) -> Floats:
            if rule.decay_rows == "all" and (rows.size or rule.count_empty):
                table[...] *= 1 - rate(rule, int(state["t"]) + 1) * rule.weight_decay
            other.step(table, state, rows, grads)
            return shown(other, table, state)

        return step

    return implementation


def _again(rule: Rule, w: Floats, s: Any) -> Floats:
    if rule.decay_rows != "all" or rule.decay == "l2":
        return type(rule)._decayed(rule, w, s)
    return np.where(s.occurrences > 0, w * (1 - rule.rate(s.t) * rule.weight_decay), w)


def _none_if_empty(rule: Rule, table: Floats, given: Given) -> Step:
    state = rule.init(table, **given)
    still = rule.model_copy(update={"weight_decay": 0.0})

    def step(rows: Integers, grads: Floats) -> Floats:
        decays = rows.size or rule.decay_rows != "all"
        (rule if decays else still).step(table, state, rows, grads)
        return shown(rule, table, state)

    return step


def _l2(change: Callable[[Floats, Floats, float], Floats]) -> Callable[..., Floats]:
    return lambda rule, g, w: change(g, w, rule.added_decay) if rule.added_decay else g


def _noted_decay(rule: Rule, w: Floats, s: Any) -> Floats:
    """Decoupled decay, whatever was asked; the weight before it is noted."""
    rule.__dict__["_before"] = w
    return w * (1 - rule.rate(s.t) * rule.weight_decay)


def _both(weight: int) -> Callable[..., Floats]:
    def regularised(rule: Rule, g: Floats, w: Floats) -> Floats:
        return g + rule.weight_decay * (w if weight else rule.__dict__["_before"])

    return regularised


def _slot_shrunk(name: str, weight: float) -> Callable[..., Floats]:
    def decayed(rule: Rule, w: Floats, s: Any) -> Floats:
        if not rule.weight_decay or rule.decay == "l2":
            return w
        factor = 1 - rule.rate(s.t) * rule.weight_decay
        values = getattr(s, name)
        setattr(s, name, (values * factor).astype(values.dtype))
        return w * factor if weight else w

    return decayed


def _noted(rule: Rule, w: Floats, s: Any) -> Floats:
    rule.__dict__["_noted"] = s
    return type(rule)._decayed(rule, w, s)


def _l2_of(name: str) -> Callable[..., Floats]:
    def regularised(rule: Rule, g: Floats, _w: Floats) -> Floats:
        return g + rule.added_decay * getattr(rule.__dict__["_noted"], name)

    return regularised


def _as_in_rule(rule: Rule, w: Floats, g: Floats, s: Any) -> Floats:
    return type(rule).update(rule, w, g, s)


def _shrunk(change: Callable[[Floats, Floats, float], Floats]) -> Callable[..., Floats]:
    """The same of a decay outside the gradient: w - rate (change - g)."""

    def decayed(rule: Rule, w: Floats, s: Any) -> Floats:
        if not rule.weight_decay or rule.decay == "l2":
            return w
        return w - change(np.zeros_like(w), w, rule.rate(s.t) * rule.weight_decay)

    return decayed


def _as_it_is(_rule: Rule, w: Floats, _s: Any) -> Floats:
    return w


def _raw(_rule: Rule, g: Floats, _w: Floats) -> Floats:
    return g


def _updated(
    change: Callable[[Floats, Floats, float], Floats], rated: bool = True
) -> Callable[..., Floats]:
    """The update, then change(old, new, coefficient)."""

    def update(rule: Rule, w: Floats, g: Floats, s: Any) -> Floats:
        new = type(rule).update(rule, w, g, s)
        c = rule.weight_decay * (rule.rate(s.t) if rated else 1)
        return change(w, new, c)

    return update
