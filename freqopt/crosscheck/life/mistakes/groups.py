"""What is usually wrong with several tables."""

from __future__ import annotations

from functools import partial

from freqopt.crosscheck.implementation import Given, Implementation, Step, reference
from freqopt.crosscheck.life.living import Living, rules_of, split
from freqopt.optimizers import Rule
from freqopt.typing import Floats, Integers


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
