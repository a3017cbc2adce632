"""The life of an optimizer beside its steps: what it offers of it is judged, the rest is said.

What `make` returns may have methods, each for one thing that a training run does with an optimizer
(docs/crosscheck.md). Each is judged on the main exercise against the reference that has lived the
same, and a failure is held against what is usually lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from freqopt.crosscheck.cases.dialects import Case
from freqopt.crosscheck.implementation import Given, Implementation, Step, reference, shown
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers

AT = 8
"""The step before which the optimizer is saved, changed or left without a gradient."""

CAST = "a dtype change"

Group = Callable[..., Any]
"""make_group(rules, tables, given) -> step(batches) -> tables, each a dict by the table's name."""


@dataclass(frozen=True)
class Life:
    """One thing that happens to an optimizer.

    Attributes
    ----------
    name : str
    needs : tuple of str
        Methods of what `make` returns.
    lived : callable (implementation) -> Implementation
        The implementation to which it happens.
    right : Implementation
        The reference to which it happens.
    wrong : dict, cause -> Implementation
        What is usually wrong.
    """

    name: str
    needs: tuple[str, ...]
    lived: Callable[[Implementation], Implementation]
    right: Implementation
    wrong: Mapping[str, Implementation]


def lives(rule: Rule) -> Iterator[Life]:
    """Everything that may happen to an optimizer of one table."""
    slots = [slot.name for slot in rule.all_slots() if not slot.given]
    lost = {f"save and restore lose {name}": partial(_losing, [name]) for name in slots}
    everything = {"save and restore lose all state": partial(_losing, slots)}
    yield Life("save and restore", ("save", "restore"), _restored, reference, lost | everything)
    unheard = {"a new rate is not used": reference}
    yield Life("a rate changed between steps", ("set_rate",), _rated, _with_rates, unheard)
    counted = {
        "a step without a gradient is taken for an empty batch": _idle_as(counted=True),
        "a step without a gradient counts as a step": _idle_counted,
    }
    yield Life("steps without a gradient", ("idle",), _idle, _idle_as(counted=False), counted)
    wrong = {
        "of accumulated gradients the last are used alone": _accumulating(lambda kept: kept[-1:]),
        "of accumulated gradients the first are used alone": _accumulating(lambda kept: kept[:1]),
        "accumulated gradients are averaged, not summed": _accumulating(_averaged),
    }
    summed = _accumulating(lambda kept: kept)
    yield Life("gradient accumulation", ("accumulate",), _accumulated, summed, wrong)
    yield Life(CAST, ("cast",), _cast, _cast_reference, {})


def groups(group: Group) -> Iterator[Life]:
    """What happens to several tables."""
    for name in ("a", "b"):
        yield Life(
            f"several tables, options for each ({name})",
            (),
            partial(_of_group, group, name),
            partial(_one_of_two, name, False),
            {"the options of one table are used for both": partial(_one_of_two, name, True)},
        )
    alone = {"a shared table is updated once for each of its names": _twice}
    yield Life("one shared table", (), partial(_of_shared, group), reference, alone)


def offered(implementation: Implementation, case: Case) -> set[str]:
    """The methods of what `make` returns."""
    step = implementation(case.rule, case.exercise.table.copy(), case.given)
    return {name for life in lives(case.rule) for name in life.needs if hasattr(step, name)}


# -- save and restore ----------------------------------------------------------------------------


def _restored(implementation: Implementation) -> Implementation:
    """Saved after some steps, and gone on with by a new optimizer on the table as it then is."""

    def start(rule: Rule, table: Floats, given: Given) -> Step:
        one, t, last = implementation(rule, table, given), 0, table.copy()

        def step(rows: Integers, grads: Floats) -> Any:
            nonlocal one, t, last
            t += 1
            if t == AT:
                saved = one.save()  # type: ignore[attr-defined]
                one = implementation(rule, last.copy(), given)
                one.restore(saved)  # type: ignore[attr-defined]
            last = np.array(one(rows, grads))
            return last

        return step

    return start


def _losing(names: list[str], rule: Rule, table: Floats, given: Given) -> Step:
    state, start, t = rule.init(table, **given), rule.init(table, **given), 0

    def step(rows: Integers, grads: Floats) -> Floats:
        nonlocal t
        t += 1
        if t == AT:
            rule.catch_up(table, state)
            for name in names:
                state[name][...] = start[name]
        rule.step(table, state, rows, grads)
        return shown(rule, table, state)

    return step


# -- the rate ------------------------------------------------------------------------------------


def _rate_at(rule: Rule, t: int) -> float:
    return rule.lr * (0.5 if t >= AT else 1.0)


def _rated(implementation: Implementation) -> Implementation:
    def start(rule: Rule, table: Floats, given: Given) -> Step:
        one, t = implementation(rule, table, given), 0

        def step(rows: Integers, grads: Floats) -> Any:
            nonlocal t
            t += 1
            if t == AT:
                one.set_rate(_rate_at(rule, t))  # type: ignore[attr-defined]
            return one(rows, grads)

        return step

    return start


def _with_rates(rule: Rule, table: Floats, given: Given) -> Step:
    state, t = rule.init(table, **given), 0

    def step(rows: Integers, grads: Floats) -> Floats:
        nonlocal t
        t += 1
        now = rule.model_copy(update={"lr": _rate_at(rule, t)})
        now.step(table, state, rows, grads)
        return shown(now, table, state)

    return step


# -- steps without a gradient --------------------------------------------------------------------


def _idle(implementation: Implementation) -> Implementation:
    def start(rule: Rule, table: Floats, given: Given) -> Step:
        one, t = implementation(rule, table, given), 0

        def step(rows: Integers, grads: Floats) -> Any:
            nonlocal t
            t += 1
            return one.idle() if t == AT else one(rows, grads)  # type: ignore[attr-defined]

        return step

    return start


def _idle_as(*, counted: bool) -> Implementation:
    """Nothing happens; or an empty batch."""

    def start(rule: Rule, table: Floats, given: Given) -> Step:
        one, t, last = reference(rule, table, given), 0, table.copy()

        def step(rows: Integers, grads: Floats) -> Floats:
            nonlocal t, last
            t += 1
            if t == AT and counted:
                last = one(rows[:0], grads[:0]).copy()
            elif t != AT:
                last = one(rows, grads).copy()
            return last

        return step

    return start


def _idle_counted(rule: Rule, table: Floats, given: Given) -> Step:
    state, t = rule.init(table, **given), 0

    def step(rows: Integers, grads: Floats) -> Floats:
        nonlocal t
        t += 1
        if t == AT:
            state["t"] += 1
        else:
            rule.step(table, state, rows, grads)
        return shown(rule, table, state)

    return step


# -- accumulation --------------------------------------------------------------------------------

Batches = list[tuple[Integers, Floats]]


def _accumulated(implementation: Implementation) -> Implementation:
    """Every second batch is only added to the next."""

    def start(rule: Rule, table: Floats, given: Given) -> Step:
        one, t, last = implementation(rule, table, given), 0, table.copy()

        def step(rows: Integers, grads: Floats) -> Any:
            nonlocal t, last
            t += 1
            if t % 2:
                one.accumulate(rows, grads)  # type: ignore[attr-defined]
            else:
                last = np.array(one(rows, grads))
            return last

        return step

    return start


def _accumulating(what: Callable[[Batches], Batches]) -> Implementation:
    def start(rule: Rule, table: Floats, given: Given) -> Step:
        one, last, kept = reference(rule, table, given), table.copy(), Batches()

        def step(rows: Integers, grads: Floats) -> Floats:
            nonlocal last
            kept.append((rows, grads))
            if len(kept) == 2:
                parts = zip(*what(kept), strict=True)
                last = one(*(np.concatenate(part) for part in parts)).copy()
                kept.clear()
            return last

        return step

    return start


def _averaged(kept: Batches) -> Batches:
    return [(rows, grads / len(kept)) for rows, grads in kept]


# -- another dtype -------------------------------------------------------------------------------


def _other(table: Floats) -> Any:
    return np.float32 if table.dtype == np.float64 else np.float64


def _cast(implementation: Implementation) -> Implementation:
    """From some step on the table, its state and its gradients are of the other dtype."""

    def start(rule: Rule, table: Floats, given: Given) -> Step:
        one, t, kind, other = implementation(rule, table, given), 0, table.dtype, _other(table)

        def step(rows: Integers, grads: Floats) -> Any:
            nonlocal t
            t += 1
            if t == AT:
                one.cast(np.dtype(other).name)  # type: ignore[attr-defined]
            if t < AT:
                return one(rows, grads)
            return np.asarray(one(rows, grads.astype(other))).astype(kind)

        return step

    return start


def _cast_reference(rule: Rule, table: Floats, given: Given) -> Step:
    state, t, kind, other, now = rule.init(table, **given), 0, table.dtype, _other(table), table

    def step(rows: Integers, grads: Floats) -> Floats:
        nonlocal t, now
        t += 1
        if t == AT:
            now = now.astype(other)
            for slot in rule.all_slots():
                if slot.dtype == "table":
                    state[slot.name] = state[slot.name].astype(other)
        rule.step(now, state, rows, grads.astype(now.dtype))
        return shown(rule, now, state).astype(kind)

    return step


# -- several tables ------------------------------------------------------------------------------


def _rules(rule: Rule) -> dict[str, Rule]:
    return {"a": rule, "b": rule.model_copy(update={"lr": rule.lr / 2})}


def _split(rows: Integers, grads: Floats) -> dict[str, tuple[Integers, Floats]]:
    half = rows.size // 2
    return {"a": (rows[:half], grads[:half]), "b": (rows[half:], grads[half:])}


def _of_group(group: Group, name: str, _implementation: Implementation) -> Implementation:
    def start(rule: Rule, table: Floats, given: Given) -> Step:
        tables = {"a": table.copy(), "b": table.copy()}
        one = group(_rules(rule), tables, given)
        return lambda rows, grads: one(_split(rows, grads))[name]

    return start


def _one_of_two(name: str, same: bool, rule: Rule, table: Floats, given: Given) -> Step:
    one = reference(rule if same else _rules(rule)[name], table, given)
    return lambda rows, grads: one(*_split(rows, grads)[name])


def _of_shared(group: Group, _implementation: Implementation) -> Implementation:
    def start(rule: Rule, table: Floats, given: Given) -> Step:
        one = group({"a": rule, "b": rule}, {"a": table, "b": table}, given)
        return lambda rows, grads: one(_split(rows, grads))["a"]

    return start


def _twice(rule: Rule, table: Floats, given: Given) -> Step:
    one = reference(rule, table, given)

    def step(rows: Integers, grads: Floats) -> Floats:
        split = _split(rows, grads)
        one(*split["a"])
        return one(*split["b"])

    return step
