"""The reference with other methods, and what of its state may be lost."""

from __future__ import annotations

from collections.abc import Callable

from freqopt.crosscheck.life.living import Living
from freqopt.typing import Floats, Integers

Kinds = dict[str, type[Living]]

Batches = list[tuple[Integers, Floats]]


def kind(**methods: Callable[..., object]) -> type[Living]:
    """The reference with other methods."""
    return type("Wrong", (Living,), methods)


def each(slots: list[str]) -> list[tuple[str, list[str]]]:
    """Every slot, all but the count of steps, and all: what may be lost."""
    but = [name for name in slots if name != "t"]
    found = [(name, [name]) for name in slots]
    if but != slots and len(but) > 1:
        found.append(("all state but the step", but))
    return [*found, ("all state", slots)] if len(slots) > 1 else found
