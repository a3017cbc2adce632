"""What is usually wrong in save and restore."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np

from freqopt.crosscheck.life.living import Living, Saved
from freqopt.crosscheck.life.mistakes.kinds import Kinds, each, kind
from freqopt.crosscheck.mistakes.arithmetic import NARROW
from freqopt.typing import Floats


def of_saving(slots: list[str]) -> Kinds:
    """Of save and restore."""

    def saving(change: Callable[[Living, Saved], Saved]) -> type[Living]:
        return kind(save=lambda self: change(self, Living.save(self)))

    def without(names: list[str], _one: Living, saved: Saved) -> Saved:
        return {name: values for name, values in saved.items() if name not in names}

    def changed(name: str, how: Callable[[Living, Floats], Floats]) -> type[Living]:
        return saving(lambda one, saved: {**saved, name: how(one, saved[name])})

    found = {
        f"save and restore lose {said}": saving(partial(without, names))
        for said, names in each(slots)
    }
    for name in slots:
        for said, how in _SAVED.items():
            found[f"{name} {said}"] = changed(name, how)
    for one, other in permutations([name for name in slots if name != "t"], 2):
        found[f"{one} is restored as {other}"] = saving(partial(_as_other, one, other))
        if one < other:
            found[f"{one} and {other} change places in restore"] = saving(
                partial(_exchanged, one, other)
            )
    return found


def _as_other(one: str, other: str, _living: Living, saved: Saved) -> Saved:
    return {**saved, one: saved[other]} if saved[one].shape == saved[other].shape else saved


def _exchanged(one: str, other: str, _living: Living, saved: Saved) -> Saved:
    alike = saved[one].shape == saved[other].shape
    return {**saved, one: saved[other], other: saved[one]} if alike else saved


def _through(narrow: Callable[[Any], Any]) -> Callable[[Living, Floats], Floats]:
    return lambda _one, x: narrow(x) if x.dtype.kind == "f" else x


def _but_last(_one: Living, values: Floats) -> Floats:
    kept = values.copy()
    if kept.ndim:
        kept[-1:] = 0
    return kept


def _but_first(_one: Living, values: Floats) -> Floats:
    kept = values.copy()
    if kept.ndim:
        kept[:1] = 0
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
    "of row 0 is not saved": _but_first,
    "is half as large after restore": lambda _, x: x / 2,
    "is twice as large after restore": lambda _, x: 2 * x,
    "has its sign turned after restore": lambda _, x: -x,
    "is the largest of all rows after restore": lambda _, x: np.full_like(x, x.max(initial=0)),
    "is the mean of all rows after restore": lambda _, x: np.full_like(x, x.mean()),
    "is that of the row after it after restore": lambda _, x: np.roll(x, 1, 0) if x.ndim else x,
}
"""What may become of a slot that is saved."""
