"""The bounded Zipf distribution, `freqopt.streams.zipf`: alias head, rejection-inversion tail."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from freqopt.backends.numba.arithmetic._elementary import exp, expm1, log1p, power
from freqopt.backends.numba.jit._compile import compiled, inlined
from freqopt.backends.numba.streams._law import Law
from freqopt.backends.numba.streams._philox import word_at
from freqopt.backends.numba.streams._transforms import open_uniform
from freqopt.backends.numba.streams.alias import buckets, pick
from freqopt.streams import BoundedZipf


class Tail(NamedTuple):
    """The numbers of `freqopt.streams.zipf.Tail`."""

    exponent: float
    one_minus_s: float
    first: float
    last: float
    start: float
    lowest: float
    spread: float
    surely_accepted: float


@compiled
def _tile(tail: Tail, rank: float) -> float:
    return power(rank / tail.start, -tail.exponent) / tail.start


@compiled
def _area(tail: Tail, x: float) -> float:
    log_ratio = log1p((x - tail.start) / tail.start)
    if tail.one_minus_s == 0.0:
        return log_ratio
    return expm1(tail.one_minus_s * log_ratio) / tail.one_minus_s


@compiled
def _point(tail: Tail, area: float) -> float:
    if tail.one_minus_s == 0.0:
        return tail.start * exp(area)
    return tail.start * exp(log1p(tail.one_minus_s * area) / tail.one_minus_s)


@compiled
def _propose(tail: Tail, word: Any) -> tuple[float, bool]:
    """A rank, and whether it is accepted."""
    area = tail.lowest + open_uniform(word) * tail.spread
    x = _point(tail, area)
    rank = min(max(np.rint(x), tail.first), tail.last)
    accepted = rank - x <= tail.surely_accepted
    if not accepted:
        accepted = area >= _area(tail, rank + 0.5) - _tile(tail, rank)
    return rank, accepted


@compiled
def _from_tail(tail: Tail, key: Any, step: int, position: int) -> int:
    trial = 1
    while True:
        rank, accepted = _propose(tail, word_at(key, step, position, trial))
        if accepted:
            return np.int64(rank) - 1
        trial += 1


@inlined
def _token(word: Any, key: Any, step: int, position: int, data: Any) -> int:
    table, head, tail = data
    value = pick(table, word)
    if value == head:  # beyond the last value where there is no tail
        return _from_tail(tail, key, step, position)
    return value


def law(zipf: BoundedZipf) -> Law:
    """A draw from the head's table, and from the tail where the table says so."""
    tail = Tail(*(float(getattr(zipf.tail, name)) for name in Tail._fields))
    return Law("zipf", (buckets(zipf.table), zipf.head, tail), _token)
