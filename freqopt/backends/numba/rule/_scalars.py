"""What every rule needs once per batch: the learning rate, and the axes around the update."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from freqopt.backends.numba.arithmetic._elementary import power_of_two
from freqopt.backends.numba.jit._compile import compiled
from freqopt.backends.numba.streams._trigonometry import sin
from freqopt.kernels import choices
from freqopt.kernels._read import Reading
from freqopt.optimizers import Rule
from freqopt.optimizers._rate import LAST_HALVING


class Structure:
    """The part of a rule that decides its code.

    Parameters
    ----------
    rule : Rule
    real : numba.float32 or numba.float64
        The table's dtype.
    reading : of its kernel

    Attributes
    ----------
    kind : class of the rule
    key : str
        Name of the code that is made for it.
    """

    def __init__(self, rule: Rule, real: Any, reading: Reading) -> None:
        self.kind, self.real = type(rule), real
        self.key = f"{rule.name()} {real} {reading.asked}{reading.own}"


class RowAxes(NamedTuple):
    """The common axes that act on a row around the rule's own equations, in batch t."""

    shrink: float
    """Decoupled weight decay multiplies by this, where one of the next three is set."""
    shrinks_updated: bool
    """Each updated row, before its update."""
    shrinks_all: bool
    """Every row of the table, before the rows are updated."""
    shrinks_lazily: bool
    """An updated row, once for every batch since its last."""
    l2: float
    """Times the row, added to its gradient."""
    max_norm: float
    """Largest norm of a row after its update."""


def _places(rule: type[Rule], *names: str) -> tuple[int, ...]:
    """Places of fields in a rule's hyper vector."""
    fields = list(rule.model_fields)
    return tuple(fields.index(name) for name in names)


def _choice(rule: type[Rule], name: str, value: str) -> int:
    """What stands for `value` in the hyper vector's place of field `name`; -1 for nothing."""
    known = choices(rule, name)
    return known.index(value) if value in known else -1


def rate_of(rule: type[Rule]) -> Callable[..., Any]:
    """`Rule.rate` as a compiled function (h, t)."""
    lr, lr_decay, law = _places(rule, "lr", "lr_decay", "lr_decay_law")
    inverse, inverse_sqrt, linear, step, warmup = (
        _choice(rule, "lr_decay_law", name)
        for name in ("inverse", "inverse_sqrt", "linear", "step", "warmup")
    )

    @compiled
    def rate(h: Any, t: int) -> float:
        d = h[lr_decay]
        x = (t - 1) * d
        if h[law] == inverse or d == 0:
            return h[lr] / (1 + x)
        if h[law] == inverse_sqrt:
            return h[lr] / math.sqrt(1 + x)
        if h[law] == step:
            return h[lr] * power_of_two(-int(min(x, LAST_HALVING)))
        if h[law] == warmup:
            return h[lr] * min(1.0, t * d)
        left = 1 - min(x, max(0.0, 1 - d))
        root = sin(0.5 * math.pi * left)
        return h[lr] * (left if h[law] == linear else root * root)

    return rate


def row_axes_of(rule: type[Rule]) -> Callable[..., Any]:
    """The common axes of a rule as a compiled function (h, t) -> RowAxes."""
    rate = rate_of(rule)
    weight_decay, decay, decay_rows, limit = _places(
        rule, "weight_decay", "decay", "decay_rows", "max_norm"
    )
    decoupled = _choice(rule, "decay", "decoupled")
    updated, everywhere, lazily = (
        _choice(rule, "decay_rows", rows) for rows in ("updated", "all", "lazy")
    )

    @compiled
    def axes(h: Any, t: int) -> RowAxes:
        shrinks = h[weight_decay] != 0 and h[decay] == decoupled
        return RowAxes(
            1 - rate(h, t) * h[weight_decay],
            shrinks and h[decay_rows] == updated,
            shrinks and h[decay_rows] == everywhere,
            shrinks and h[decay_rows] == lazily,
            h[weight_decay] if h[decay] != decoupled else 0.0,
            math.inf if math.isnan(h[limit]) else h[limit],
        )

    return axes
