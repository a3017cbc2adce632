"""What is usually wrong in the methods of an optimizer beside its step, by its cause."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference
from freqopt.crosscheck.life.living import Living, Saved, rules_of, split
from freqopt.crosscheck.mistakes.arithmetic import NARROW
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

Kinds = dict[str, type[Living]]

Batches = list[tuple[Integers, Floats]]


def _kind(**methods: Callable[..., object]) -> type[Living]:
    """The reference with other methods."""
    return type("Wrong", (Living,), methods)


def _each(slots: list[str]) -> list[tuple[str, list[str]]]:
    """Every slot, all but the count of steps, and all: what may be lost."""
    but = [name for name in slots if name != "t"]
    found = [(name, [name]) for name in slots]
    if but != slots and len(but) > 1:
        found.append(("all state but the step", but))
    return [*found, ("all state", slots)] if len(slots) > 1 else found


def of_saving(slots: list[str]) -> Kinds:
    """Of save and restore."""

    def saving(change: Callable[[Living, Saved], Saved]) -> type[Living]:
        return _kind(save=lambda self: change(self, Living.save(self)))

    def without(names: list[str], _one: Living, saved: Saved) -> Saved:
        return {name: values for name, values in saved.items() if name not in names}

    def changed(name: str, how: Callable[[Living, Floats], Floats]) -> type[Living]:
        return saving(lambda one, saved: {**saved, name: how(one, saved[name])})

    found = {
        f"save and restore lose {said}": saving(partial(without, names))
        for said, names in _each(slots)
    }
    for name in slots:
        for said, how in _SAVED.items():
            found[f"{name} {said}"] = changed(name, how)
    return found


def _through(narrow: Callable[[Any], Any]) -> Callable[[Living, Floats], Floats]:
    return lambda _one, x: narrow(x) if x.dtype.kind == "f" else x


def _but_last(_one: Living, values: Floats) -> Floats:
    kept = values.copy()
    if kept.ndim:
        kept[-1:] = 0
    return kept


_SAVED: dict[str, Callable[[Living, Floats], Floats]] = {
    **{f"is saved in {kind}": _through(narrow) for kind, narrow in NARROW.items()},
    "is saved times the rate": lambda one, x: x * one.rule.lr,
    "is saved over the rate": lambda one, x: x / one.rule.lr,
    "is saved as its root": lambda _, x: np.sqrt(np.abs(x)),
    "is saved as its square": lambda _, x: x * x,
    "is one more after restore": lambda _, x: x + 1,
    "is one less after restore": lambda _, x: x - 1,
    "of the last row is not saved": _but_last,
}
"""What may become of a slot that is saved."""


def of_rates(slots: list[str]) -> Kinds:
    """Of a rate that changes."""

    def losing(names: list[str]) -> type[Living]:
        def set_rate(self: Living, lr: float) -> None:
            Living.set_rate(self, lr)
            for name in names:
                self.state[name][...] = 0

        return _kind(set_rate=set_rate)

    def other(how: Callable[[float, float], float]) -> type[Living]:
        return _kind(set_rate=lambda self, lr: Living.set_rate(self, how(self.rule.lr, lr)))

    def kept(self: Living, lr: float) -> None:
        self.next = lr

    def late(self: Living, rows: Integers, grads: Floats) -> Floats:
        after = Living.__call__(self, rows, grads)
        Living.set_rate(self, self.next or self.rule.lr)
        return after

    return {
        "a new rate is not used": other(lambda old, _new: old),
        "a new rate is multiplied by the old one": other(lambda old, new: old * new),
        "a new rate is added to the old one": other(lambda old, new: old + new),
        "a new rate is used one step late": _kind(set_rate=kept, __call__=late),
        **{f"a new rate loses {said}": losing(names) for said, names in _each(slots)},
    }


def of_idling() -> Kinds:
    """Of a step without a gradient."""

    def counted(self: Living) -> Floats:
        self.state["t"] += 1
        return self.seen()

    def empty(self: Living) -> Floats:
        none = np.empty((0, self.table.shape[1]), self.table.dtype)
        return self(np.empty(0, np.int64), none)

    def zero(self: Living) -> Floats:
        return self(np.arange(len(self.table)), np.zeros_like(self.table))

    return {
        "a step without a gradient is taken for an empty batch": _kind(idle=empty),
        "a step without a gradient counts as a step": _kind(idle=counted),
        "a step without a gradient is taken for a gradient of 0 in every row": _kind(idle=zero),
    }


def of_accumulation() -> Kinds:
    """Of batches that are taken together."""

    def taking(what: Callable[[Batches], Batches]) -> type[Living]:
        return _kind(taken=lambda _self, batches: what(batches))

    def averaged(batches: Batches) -> Batches:
        return [(rows, grads / len(batches)) for rows, grads in batches]

    def of_last_rows(batches: Batches) -> Batches:
        return [(r[some], g[some]) for r, g in batches for some in [np.isin(r, batches[-1][0])]]

    def stepping(self: Living, rows: Integers, grads: Floats) -> Floats:
        self.rule.step(self.table, self.state, rows, grads)
        return self.seen()

    def kept(self: Living, rows: Integers, grads: Floats) -> Floats:
        waiting = [*self.waiting, (rows, grads)]
        after = Living.__call__(self, rows, grads)
        self.waiting = waiting
        return after

    return {
        "of accumulated gradients the last are used alone": taking(lambda some: some[-1:]),
        "of accumulated gradients the first are used alone": taking(lambda some: some[:1]),
        "accumulated gradients are averaged, not summed": taking(averaged),
        "accumulated gradients are used in rows of the last batch alone": taking(of_last_rows),
        "accumulated gradients are never dropped": _kind(__call__=kept),
        "accumulated gradients are a step of their own": _kind(accumulate=stepping),
    }


def of_casts(slots: list[str]) -> Kinds:
    """Of another dtype from some step on."""

    def losing(names: list[str]) -> type[Living]:
        def cast(self: Living, dtype: object) -> None:
            Living.cast(self, dtype)  # type: ignore[arg-type]
            for name in names:
                self.state[name][...] = 0

        return _kind(cast=cast)

    def narrow(names: list[str]) -> type[Living]:
        """What is named stays in the dtype of the start."""

        def step(self: Living, rows: Integers, grads: Floats) -> Floats:
            Living.__call__(self, rows, grads)
            kept = {**self.state, "the table": self.table}
            for name in names:
                kept[name][...] = kept[name].astype(self.start)
            return self.seen()

        return _kind(__call__=step)

    own = [name for name in slots if name != "t"]
    return {
        **{f"a cast loses {said}": losing(names) for said, names in _each(slots)},
        **{f"a cast leaves {name} in the old dtype": narrow([name]) for name in own},
        "a cast leaves all state in the old dtype": narrow(own),
        "a cast leaves the table in the old dtype": narrow(["the table"]),
        "a cast is not heard: table and state stay in the old dtype": narrow([*own, "the table"]),
    }


# -- several tables ------------------------------------------------------------------------------


def of_groups(name: str) -> dict[str, Implementation]:
    """Of two tables, seen in one of them."""
    return {
        "the options of one table are used for both": partial(_with_options_of_other, name),
        "the step is counted once for each table": partial(_with_one_clock, name),
        "the tables share their state": partial(_with_one_state, name),
        "a table takes the batch of the other": partial(_with_batch_of_other, name),
    }


def _with_options_of_other(name: str, rule: Rule, table: Floats, given: Given) -> Step:
    (other,) = set(rules_of(rule)) - {name}
    one = reference(rules_of(rule)[other], table, given)
    return lambda rows, grads: one(*split(rows, grads)[name])


def _with_batch_of_other(name: str, rule: Rule, table: Floats, given: Given) -> Step:
    (other,) = set(rules_of(rule)) - {name}
    one = reference(rules_of(rule)[name], table, given)
    return lambda rows, grads: one(*split(rows, grads)[other])


def _with_one_clock(name: str, rule: Rule, table: Floats, given: Given) -> Step:
    one, t = Living(rules_of(rule)[name], table, given), 0

    def step(rows: Integers, grads: Floats) -> Floats:
        nonlocal t
        one.state["t"][...] = 2 * t + (name == "b")
        t += 1
        return one(*split(rows, grads)[name])

    return step


def _with_one_state(name: str, rule: Rule, table: Floats, given: Given) -> Step:
    made = {key: Living(own, table.copy(), given) for key, own in rules_of(rule).items()}
    made["b"].state = made["a"].state

    def step(rows: Integers, grads: Floats) -> Floats:
        return {key: made[key](*batch) for key, batch in split(rows, grads).items()}[name]

    return step


def _twice(rule: Rule, table: Floats, given: Given) -> Step:
    one = reference(rule, table, given)

    def step(rows: Integers, grads: Floats) -> Floats:
        both = split(rows, grads)
        one(*both["a"])
        return one(*both["b"])

    return step


def _as_one_name(name: str, rule: Rule, table: Floats, given: Given) -> Step:
    one = reference(rule, table, given)
    return lambda rows, grads: one(*split(rows, grads)[name])


def _twice_but_counted_once(rule: Rule, table: Floats, given: Given) -> Step:
    one, t = Living(rule, table, given), 0

    def step(rows: Integers, grads: Floats) -> Floats:
        nonlocal t
        for batch in split(rows, grads).values():
            one.state["t"][...] = t
            after = one(*batch)
        t += 1
        return after

    return step


def _with_state_for_each(rule: Rule, table: Floats, given: Given) -> Step:
    """One table, written by two optimizers in turn."""
    made = {key: Living(rule, table, given) for key in ("a", "b")}

    def step(rows: Integers, grads: Floats) -> Floats:
        return [made[key](*batch) for key, batch in split(rows, grads).items()][-1]

    return step


OF_SHARED: dict[str, Implementation] = {
    "a shared table is updated once for each of its names": _twice,
    "a shared table is updated once for each of its names, in one step": _twice_but_counted_once,
    "a shared table has a state for each of its names": _with_state_for_each,
    "of a shared table the batch of the first name is used alone": partial(_as_one_name, "a"),
    "of a shared table the batch of the last name is used alone": partial(_as_one_name, "b"),
}
"""Of one table under two names."""
