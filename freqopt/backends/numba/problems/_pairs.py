"""The laws of a pair of rows, `freqopt.problems._pairs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from freqopt.backends.numba.jit._compile import inlined
from freqopt.backends.numba.streams._law import draws, find_law
from freqopt.backends.numba.streams._philox import Key, each_word
from freqopt.backends.numba.streams._transforms import uniform
from freqopt.problems._pairs import Observed, PairLaw, Product, Topics
from freqopt.streams import purpose_id

PAIRS, U, V, TOPIC = (
    np.uint64(purpose_id(name)) for name in ("pairs", "pairs u", "pairs v", "pairs topic")
)


class PairDraw(NamedTuple):
    """A law of pairs: `draw` is (data, seed, run, first, count, batch, i, j) -> None."""

    key: str
    data: tuple[Any, ...]
    draw: Callable[..., None]


def pair_draw(pairs: PairLaw) -> PairDraw:
    """The compiled form of a law of pairs."""
    if isinstance(pairs, Product):
        return _product(pairs)
    return _topics(pairs) if isinstance(pairs, Topics) else _observed(pairs)


def _product(pairs: Product) -> PairDraw:
    law_u = find_law(pairs.u.law)
    law_v = law_u if pairs.v == pairs.u else find_law(pairs.v.law)  # equal ones share their table
    draw_u, draw_v = draws(law_u), draws(law_v)

    @inlined
    def draw(
        data: Any, seed: Any, run: Any, first: int, count: int, batch: int, i: Any, j: Any
    ) -> None:
        draw_u(Key(seed, run, U), first, count, batch, i, data[0])
        draw_v(Key(seed, run, V), first, count, batch, j, data[1])

    return PairDraw(f"product {law_u.key} {law_v.key}", (law_u.data, law_v.data), draw)


def _observed(pairs: Observed) -> PairDraw:
    law = find_law(pairs.law)
    draw_pair = draws(law)

    @inlined
    def draw(
        data: Any, seed: Any, run: Any, first: int, count: int, batch: int, i: Any, j: Any
    ) -> None:
        law_data, of_i, of_j = data
        draw_pair(Key(seed, run, PAIRS), first, count, batch, i, law_data)
        for s in range(count):
            for b in range(batch):
                pair = i[s, b]
                i[s, b], j[s, b] = of_i[pair], of_j[pair]

    of_i, of_j, _ = pairs._counted
    return PairDraw(f"observed {law.key}", (law.data, of_i, of_j), draw)


def _topics(pairs: Topics) -> PairDraw:
    law = find_law(pairs.tokens.law)
    draw_token = draws(law)

    @inlined
    def partner(s: int, b: int, word: Any, key: Any, step: int, out: Any, data: Any) -> None:
        """With probability `coherence` the member of i's topic in j's group."""
        i, coherence, topics = data
        if uniform(word) < coherence:
            out[s, b] += i[s, b] % topics - out[s, b] % topics

    draw_partner = each_word(partner)

    @inlined
    def draw(
        data: Any, seed: Any, run: Any, first: int, count: int, batch: int, i: Any, j: Any
    ) -> None:
        law_data, coherence, topics = data
        draw_token(Key(seed, run, U), first, count, batch, i, law_data)
        draw_token(Key(seed, run, V), first, count, batch, j, law_data)
        draw_partner(Key(seed, run, TOPIC), first, count, batch, j, (i, coherence, topics))

    return PairDraw(f"topics {law.key}", (law.data, pairs.coherence, pairs.topics), draw)
