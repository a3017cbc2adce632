"""How far rounding alone moves a case: what another order of operations may differ by.

Where a case cancels (v - a^2 of a centred rule), one unit in the last place of the state becomes
many of the weights, and an implementation that adds in another order is right and far away. So the
reference is run once more with every number of its state moved by at most one unit after every
step; how far its table then gets is what the case does to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.cases.dialects import Case
from freqopt.crosscheck.compare import distance
from freqopt.crosscheck.implementation import Given, Step, shown, trace
from freqopt.optimizers import Rule
from freqopt.streams import Stream
from freqopt.streams.transforms import index
from freqopt.typing import Floats, Integers

MARGIN = 8.0
"""How many times further than the moved reference a right implementation may be."""

SEED = 7

DRAWS = 3
"""Times that the state is moved, in another direction each."""


def rounding(case: Case, expected: Floats) -> Iterator[NDArray[np.float64]]:
    """What rounding does to each row of a case so far, (S + 1, N, 1), in units in the last place.

    Again and again, for one direction may be lucky: each is at least the one before.

    Parameters
    ----------
    case : Case
    expected : (S + 1, N, d)
        The reference's trace.
    """
    moved = np.zeros((*expected.shape[:2], 1))
    for draw in range(DRAWS):
        far = distance(expected, trace(partial(_moved, draw), case)).max(axis=2, keepdims=True)
        moved = np.maximum(moved, far)
        yield MARGIN * np.maximum.accumulate(moved, axis=0)


def of_decay(case: Case) -> NDArray[np.float64]:
    """The steps so far where weights decay beside the gradient, else 0; (S + 1, 1, 1).

    1 - rate * weight_decay is no number of the dtype: whoever multiplies by it is off by up to half
    a unit in every step, always to the same side, and whoever subtracts the decay is not.
    """
    rule, steps = case.rule, len(case.exercise.batches) + 1
    decays = bool(rule.weight_decay) and rule.decay == "decoupled"
    return np.asarray(np.arange(steps, dtype=np.float64).reshape(-1, 1, 1) * float(decays))


def _moved(draw: int, rule: Rule, table: Floats, given: Given) -> Step:
    """The reference, whose state is off by one unit in the last place, up or down or not at all."""
    state, stream, t = rule.init(table, **given), Stream(SEED + draw, 0, "rounding"), 0
    known = [slot.name for slot in rule.all_slots() if not slot.given]
    floats = [name for name in known if state[name].dtype.kind == "f"]

    def step(rows: Integers, grads: Floats) -> Floats:
        nonlocal t
        t += 1
        rule.step(table, state, rows, grads)
        if rule.catches_up_before_reading:
            rule.catch_up(table, state)
        for k, name in enumerate(floats):
            values = state[name]
            drawn = index(stream.words(t * len(floats) + k, max(values.size, 1)), 3)
            unit = np.finfo(values.dtype).eps
            sign = (drawn[: values.size].astype(np.int64) - 1).reshape(values.shape)
            values *= (1 + unit * sign).astype(values.dtype)
        return shown(rule, table, state)

    return step
