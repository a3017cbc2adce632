"""Passes over a text, `freqopt.problems._passes`: pairs and their negatives, centre by centre."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from freqopt.backends.numba.jit._compile import inlined
from freqopt.backends.numba.streams._philox import (
    BLOCKS,
    Key,
    blocks,
    counter,
    room_for_blocks,
)
from freqopt.backends.numba.streams.alias import pick
from freqopt.streams import purpose_id

NEGATIVES = np.uint64(purpose_id("negatives"))
LANES = 4
"""Words of a block, and blocks that are made side by side."""


def passes_draw(k: int) -> Callable[..., None]:
    """A compiled draw of pairs and k negatives each.

    Its data are `words`, `first`, `before` and `place` of a `Stretch`, and the alias table of the
    negatives.
    """

    @inlined
    def negatives(
        key: Key, place: int, first: int, last: int, table: Any, out: Any, at: int
    ) -> None:
        """Words first .. last - 1 of a centre; k of them behind each pair's context."""
        words = room_for_blocks()
        n = first
        while n < last:
            block = n // LANES
            some = min(BLOCKS, (last - 1) // LANES - block + 1)
            for q in range(0, some, LANES):
                b = block + q
                four = (
                    counter(key, place, b), counter(key, place, b + 1),
                    counter(key, place, b + 2), counter(key, place, b + 3),
                )  # fmt: skip
                one, two, three, other = blocks(key.seed, key.run, four)
                words[q, 0], words[q, 1], words[q, 2], words[q, 3] = one
                words[q + 1, 0], words[q + 1, 1], words[q + 1, 2], words[q + 1, 3] = two
                words[q + 2, 0], words[q + 2, 1], words[q + 2, 2], words[q + 2, 3] = three
                words[q + 3, 0], words[q + 3, 1], words[q + 3, 2], words[q + 3, 3] = other
            until = min(last, (block + some) * LANES)
            while n < until:
                word = words[n // LANES - block, n % LANES]
                m = n - first
                out[at + m // k * (1 + k) + 1 + m % k] = pick(table, word)
                n += 1

    @inlined
    def draw(
        data: Any, seed: Any, run: Any, first: int, count: int, batch: int, samples: Any
    ) -> None:
        words, starts, before, places, table = data
        centres, contexts = samples[0].reshape(-1), samples[1].reshape(-1)
        key = Key(seed, run, NEGATIVES)
        pair, until, done = first * batch, (first + count) * batch, 0
        c = np.searchsorted(before, pair, side="right") - 1
        while pair < until:
            q, last = pair - before[c], min(until, before[c + 1])
            for n in range(last - pair):
                other = starts[c] + q + n
                other += 1 if other >= c else 0
                centres[done + n] = words[c]
                contexts[(done + n) * (1 + k)] = words[other]
            negatives(key, places[c], q * k, (q + last - pair) * k, table, contexts, done * (1 + k))
            done += last - pair
            pair = last
            c += 1

    return draw
