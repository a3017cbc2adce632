"""Many combinations of a rule's options as one: fields that have not been decided yet.

A rule has up to a million combinations of its options. They are not tried one by one. A `Box` holds
for each field the values that it may still have, and the rule's own code runs on a box: it runs
until it reads a field that has several values, and there the box is split. So an option is decided
only where it matters.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import Any, TypeVar

from freqopt._fields import choices
from freqopt.optimizers import Rule

Box = dict[str, tuple[Any, ...]]
"""Field -> the values that it may have; every field of the rule, in the rule's order."""
T = TypeVar("T")


def axes(kind: type[Rule]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The fields that choose between named values or between yes and no, with all their values."""
    for name, info in kind.model_fields.items():
        if values := choices(info):
            yield name, values


def box_of(rule: Rule) -> Box:
    """The box that holds one rule alone."""
    return {name: (getattr(rule, name),) for name in type(rule).model_fields}


def whole(rule: Rule) -> Box:
    """Every combination of the axes, with the numbers of the rule."""
    return {**box_of(rule), **dict(axes(type(rule)))}


def joined(boxes: Iterable[Box]) -> list[Box]:
    """The same combinations in fewer boxes: those that differ in one field become one."""
    found = list(boxes)
    for name in found[0] if found else ():
        if len({box[name] for box in found}) == 1:
            continue
        alike: dict[Any, list[Box]] = {}
        for box in found:
            alike.setdefault(tuple(v for k, v in box.items() if k != name), []).append(box)
        found = [
            {**group[0], name: tuple(sorted({v for box in group for v in box[name]}, key=repr))}
            for group in alike.values()
        ]
    return found


def common(one: Box, other: Box) -> Box | None:
    """The combinations that are in both boxes."""
    both = {name: tuple(v for v in values if v in other[name]) for name, values in one.items()}
    return both if all(map(len, both.values())) else None


def hull(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of them."""
    first, *others = boxes
    return {
        name: tuple(dict.fromkeys([*values, *(v for box in others for v in box[name])]))
        for name, values in first.items()
    }


# -- one piece of the rule's code on a box -----------------------------------------------------


def paths(kind: type[Rule], box: Box, run: Callable[[Any], T]) -> Iterator[tuple[Box, T]]:
    """Run a piece of code on every combination: (box, result) for each way it can go.

    Parameters
    ----------
    kind : type of Rule
    box : Box
    run : function of a rule
        It runs once for each way, from the start, and must not change what it is given.
    """
    left = [box]
    while left:
        rule = _undecided(kind, left.pop(), left)
        try:
            result = run(rule)
        except Exception:  # a combination that the rule refuses can fail in any way
            continue
        yield rule.__dict__["box"], result


def _undecided(kind: type[Rule], box: Box, left: list[Box]) -> Any:
    rule = object.__new__(_splitting(kind))
    object.__setattr__(rule, "__dict__", {"box": box, "left": left, "splits": True})
    return rule


@cache
def _splitting(kind: type[Rule]) -> Any:
    """The rule, with fields that split the box when they are read."""
    module = {"__module__": kind.__module__}  # the rule's name is that of its module
    made: Any = types.new_class("Undecided", (kind,), exec_body=lambda body: body.update(module))
    for name in kind.model_fields:
        setattr(made, name, property(partial(_read, name)))
    made._apply = _from_here(kind._apply)
    # These two read an option even where a number of 0 takes its effect away; it would split every
    # box for nothing.
    made.rate = _agreed(kind.rate)
    made.added_decay = property(_agreed(kind.added_decay.fget))  # type: ignore[attr-defined]
    return made


def _read(name: str, rule: Any) -> Any:
    own = rule.__dict__
    first, *others = own["box"][name]
    if others and own["splits"]:
        own["left"].append({**own["box"], name: tuple(others)})
        own["box"] = {**own["box"], name: (first,)}
    return first


def _from_here(apply: Callable[..., None]) -> Callable[..., None]:
    """The method, from which on boxes are split; see `search`."""

    def call(rule: Any, *arguments: Any) -> None:
        rule.__dict__["splits"] = True
        apply(rule, *arguments)

    return call


def _agreed(helper: Callable[..., Any]) -> Callable[..., Any]:
    """The helper, which splits the box only if its result depends on what it reads."""

    def call(rule: Any, *arguments: Any) -> Any:
        kind, box = type(rule).__mro__[1], rule.__dict__["box"]
        results = {r for _, r in paths(kind, box, lambda one: helper(one, *arguments))}
        return results.pop() if len(results) == 1 else helper(rule, *arguments)

    return call
