"""Philox 4x64-10 and the addresses of its words: `freqopt.streams.philox` and `.stream`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from freqopt.backends.numba._compile import inlined
from freqopt.streams.philox import MULTIPLIERS, ROUNDS, WEYL

M0, M1 = (np.uint64(m) for m in MULTIPLIERS)
W0, W1 = (np.uint64(w) for w in WEYL)
ZERO, TWO, THREE = np.uint64(0), np.uint64(2), np.uint64(3)


class Key(NamedTuple):
    """What a stream's words depend on beside their place: all uint64."""

    seed: Any
    run: Any
    purpose: Any


@intrinsic  # type: ignore[untyped-decorator]
def multiply_wide(typing: Any, a: Any, b: Any) -> Any:
    """High and low 64 bits of the product of two uint64."""
    both = types.UniTuple(types.uint64, 2)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word, wide = ir.IntType(64), ir.IntType(128)
        product = builder.mul(*(builder.zext(a, wide) for a in arguments))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), word)
        return context.make_tuple(builder, both, (high, builder.trunc(product, word)))

    return both(types.uint64, types.uint64), generate


@inlined
def block(key: Key, number: Any, step: Any, trial: Any) -> tuple[Any, Any, Any, Any]:
    """The four words of one block; all numbers uint64."""
    k0, k1 = key.seed, key.run
    x0, x1, x2, x3 = number, step, key.purpose, trial
    for r in range(ROUNDS):
        if r > 0:
            k0, k1 = k0 + W0, k1 + W1
        high0, low0 = multiply_wide(x0, M0)
        high1, low1 = multiply_wide(x2, M1)
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
    return x0, x1, x2, x3


@inlined
def word_at(key: Key, step: int, position: int, trial: int) -> Any:
    """`Stream.words_at` for one word."""
    words = block(key, np.uint64(position) >> TWO, np.uint64(step), np.uint64(trial))
    return words[np.uint64(position) & THREE]


def each_word(use: Callable[..., None], *, unrolled: bool = False) -> Callable[..., None]:
    """A loop over the words 0 .. n-1 of the steps first .. first + count - 1 of a stream.

    Parameters
    ----------
    use : compiled function (s, j, word, key, step, out, data)
        What is done with word j of the s-th step.
    unrolled : bool
        Four copies of `use`, one for each word of a block: faster for large n, and longer code.

    Returns
    -------
    compiled function (key, first, count, n, out, data)
    """

    @inlined
    def loop(key: Key, first: int, count: int, n: int, out: Any, data: Any) -> None:
        for s in range(count):
            step, whole = first + s, n - n % 4 if unrolled else 0
            for j in range(0, whole, 4):
                a, b, c, d = block(key, np.uint64(j) >> TWO, np.uint64(step), ZERO)
                use(s, j, a, key, step, out, data)
                use(s, j + 1, b, key, step, out, data)
                use(s, j + 2, c, key, step, out, data)
                use(s, j + 3, d, key, step, out, data)
            for j in range(whole, n, 4):
                words = block(key, np.uint64(j) >> TWO, np.uint64(step), ZERO)
                for lane in range(min(4, n - j)):
                    use(s, j + lane, words[lane], key, step, out, data)

    return loop
