"""What every rule needs once per batch: the learning rate, and the axes around the update."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from freqopt.backends.numba._compile import compiled
from freqopt.backends.numba._kernel import Structure


class Around(NamedTuple):
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


def rate_of(rule: Structure) -> Callable[..., Any]:
    """`Rule.rate` as a compiled function (h, t)."""
    lr, lr_decay, law = rule.index("lr", "lr_decay", "lr_decay_law")
    inverse_sqrt = rule.choice("lr_decay_law", "inverse_sqrt")

    @compiled
    def rate(h: Any, t: int) -> float:
        slowed = 1 + (t - 1) * h[lr_decay]
        return h[lr] / (math.sqrt(slowed) if h[law] == inverse_sqrt else slowed)

    return rate


def around_of(rule: Structure) -> Callable[..., Any]:
    """The common axes of a rule as a compiled function (h, t) -> Around."""
    rate = rate_of(rule)
    weight_decay, decay, decay_rows, limit = rule.index(
        "weight_decay", "decay", "decay_rows", "max_norm"
    )
    decoupled = rule.choice("decay", "decoupled")
    updated, everywhere, lazily = (
        rule.choice("decay_rows", rows) for rows in ("updated", "all", "lazy")
    )

    @compiled
    def around(h: Any, t: int) -> Around:
        shrinks = h[weight_decay] != 0 and h[decay] == decoupled
        return Around(
            1 - rate(h, t) * h[weight_decay],
            shrinks and h[decay_rows] == updated,
            shrinks and h[decay_rows] == everywhere,
            shrinks and h[decay_rows] == lazily,
            h[weight_decay] if h[decay] != decoupled else 0.0,
            math.inf if math.isnan(h[limit]) else h[limit],
        )

    return around
