"""A slot that is right where the step uses it, and is written back as something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from freqopt.crosscheck.mistakes.mistake import Mistake, in_methods
from freqopt.optimizers import Rule
from freqopt.typing import Floats

Kept = Callable[[Rule, Floats, Any], Any]
"""(rule, the slot after the step, the rows' state) -> what is stored."""


_KEPT: dict[str, Kept] = {
    "times the rate": lambda rule, x, s: x * rule.rate(s.t),
    "over the rate": lambda rule, x, s: x / rule.rate(s.t),
    "as its root": lambda rule, x, s: np.sqrt(x),
    "as its square": lambda rule, x, s: x * x,
    "without its sign": lambda rule, x, s: np.abs(x),
    "with its sign turned": lambda rule, x, s: -x,
    "over the row's occurrences": lambda rule, x, s: x / np.maximum(s.occurrences, 1),
}


def _corrected(decay: str, power: int, rule: Rule, x: Floats, s: Any) -> Any:
    return x * (1 - getattr(rule, decay) ** s.t) ** power


def _added(number: str, rule: Rule, x: Floats, _s: Any) -> Any:
    return x + getattr(rule, number)


def _scaled(number: str, rule: Rule, x: Floats, _s: Any) -> Any:
    return x * getattr(rule, number)


def in_stored(slots: list[str], decays: list[str], numbers: list[str]) -> Iterator[Mistake]:
    """What is stored of a slot that holds floats, once the step has used it.

    Parameters
    ----------
    slots : list of str
    decays, numbers : list of str
        Fields of the rule: those in [0, 1), and all floats that are not 0.
    """
    kept = dict(_KEPT)
    for decay in decays:
        said = f"1 - {decay}^t"
        kept[f"over {said}, so that corrections compound"] = partial(_corrected, decay, -1)
        kept[f"times {said}"] = partial(_corrected, decay, 1)
    for number in numbers:
        kept[f"plus {number}"] = partial(_added, number)
        kept[f"times {number}"] = partial(_scaled, number)
    for name in slots:
        for said, change in kept.items():
            yield Mistake(f"{name} is stored {said}", in_methods(update=_storing(name, change)), 1)


def _storing(name: str, change: Kept) -> Callable[..., Floats]:
    def update(self: Rule, w: Floats, g: Floats, s: Any) -> Floats:
        new = type(self).update(self, w, g, s)
        values = getattr(s, name)
        setattr(s, name, np.asarray(change(self, values, s)).astype(values.dtype))
        return new

    return update
