"""Fixed-memory rules: a row meets the buffer, and the second half of the step around that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from freqopt.backends.numba.fixed_memory._buffer import (
    AGGREGATION,
    BUFFER_ONLY,
    CHANGES,
    CHOSEN,
    FACTOR,
    IN_AGGREGATE,
    INSERTION,
    KAPPA_IN_PLACE,
    MAX_MEAN,
    MEAN,
    MEDIAN_MEAN,
    MID,
    MIN_MEAN,
    SLOTS_AFTER,
    SLOTS_BEFORE,
    STORED_DECAY,
    SUM,
    Critical,
)
from freqopt.backends.numba.jit._compile import compiled, inlined
from freqopt.backends.numba.jit._memory import Reals, address, sweep


@compiled
def _same(_: Any, old: Reals, given: Reals) -> Reals:
    return given


@compiled
def _plus(_: Any, old: Reals, given: Reals) -> Reals:
    return (old[0] + given[0],)


@compiled
def _times(factor: Any, old: Reals, given: Reals) -> Reals:
    return (factor * given[0],)


@compiled
def _plus_times(factor: Any, old: Reals, given: Reals) -> Reals:
    return (given[0] + factor * given[1],)


@compiled
def _times_mean(c: Reals, old: Reals, given: Reals) -> Reals:
    return (c[0] * (given[0] / c[1]),)


@compiled
def _mean_of_all(c: Reals, old: Reals, given: Reals) -> Reals:
    return ((given[0] + c[0] * given[1]) / c[1],)


@compiled
def _sum_over(divisor: Any, old: Reals, given: Reals) -> Reals:
    return ((given[0] + given[1]) / divisor,)


def recall_row(real: Any) -> Callable[..., Any]:
    """The compiled meeting of a row and the buffer, for tables of the type `real`.

    Returns
    -------
    compiled function (i, g, w, critical, scratch) -> address
        The aggregate (1) of the buffer and of the row's gradient, at address g; afterwards the
        buffer's row is as it is after the step. w is the address of the table's row, scratch
        `Critical.scratch` of the calling part.
    """

    @inlined
    def recall(i: int, g: int, w: int, critical: Critical, scratch: Any) -> int:
        buffer, size, width = critical.buffer, critical.seen.size, critical.buffer.shape[1]
        aggregated, stays, capacity = critical.aggregated, critical.stays, critical.born.size
        codes, decided = critical.codes, critical.decided
        old, now, count = decided[SLOTS_BEFORE], decided[IN_AGGREGATE], decided[SLOTS_AFTER]
        chosen, changes = decided[CHOSEN], decided[CHANGES]
        kind, insertion, in_place = codes[AGGREGATION], codes[INSERTION], codes[KAPPA_IN_PLACE]
        factor, decay = real(critical.numbers[FACTOR]), critical.numbers[STORED_DECAY]
        result, total = address(scratch, capacity), address(scratch, capacity + 1)
        recalled, summed = address(scratch, capacity + 2), address(scratch, capacity + 3)
        if decay != 0:  # part of what is stored
            sweep(_plus_times, real(decay), (summed,), (g, w), width, real)
            g = summed
        stored = g

        # The aggregate.
        picks = kind not in (SUM, MID, MEAN)
        for k in range(chosen if picks else 0, min(now, chosen + 1) if picks else now):
            slot = aggregated[k]
            one = g if slot == capacity else address(buffer, slot * size + i)
            if picks:
                sweep(_times, factor, (recalled,), (one,), width, real)
                if in_place and slot == capacity:
                    stored = recalled
                elif in_place:
                    sweep(_same, (), (one,), (recalled,), width, real)
            elif k == 0:
                sweep(_same, (), (total,), (one,), width, real)
            else:
                sweep(_plus, (), (total,), (one,), width, real)
        if now == 0:
            sweep(_same, (), (result,), (g,), width, real)
        elif insertion == BUFFER_ONLY and kind == SUM:
            sweep(_times, factor, (result,), (total,), width, real)
        elif insertion == BUFFER_ONLY:
            sweep(_times_mean, (factor, real(now)), (result,), (total,), width, real)
        elif kind == MEAN:
            sweep(_mean_of_all, (factor, real(now + 1)), (result,), (g, total), width, real)
        else:
            if not picks:
                sweep(_times_mean, (factor, real(now)), (recalled,), (total,), width, real)
            halved = kind in (MID, MIN_MEAN, MEDIAN_MEAN, MAX_MEAN)
            sweep(_sum_over, real(2 if halved else 1), (result,), (g, recalled), width, real)

        # The buffer's row after the step.
        for k in range(count if changes else 0):
            if stays[k] != k and stays[k] != capacity:
                moved = address(buffer, stays[k] * size + i)
                sweep(_same, (), (address(scratch, k),), (moved,), width, real)
        for k in range(count if changes else 0):
            if stays[k] != k:
                kept = stored if stays[k] == capacity else address(scratch, k)
                sweep(_same, (), (address(buffer, k * size + i),), (kept,), width, real)
        for k in range(count, old):
            buffer[k * size + i] = 0
        return result

    return recall
