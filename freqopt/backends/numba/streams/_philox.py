"""Philox 4x64-10 and the addresses of its words: `freqopt.streams.philox` and `.stream`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from freqopt.backends.numba.jit._compile import compiled, inlined
from freqopt.backends.numba.jit._private import populate_array
from freqopt.streams.philox import MULTIPLIERS, ROUNDS, WEYL

BLOCKS = 64
"""Made at once, before they are used."""
ZERO, TWO, THREE = np.uint64(0), np.uint64(2), np.uint64(3)


class Key(NamedTuple):
    """What a stream's words depend on beside their place: all uint64."""

    seed: Any
    run: Any
    purpose: Any


def wide(builder: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """High and low 64 bits of the product of two uint64."""
    word, double = ir.IntType(64), ir.IntType(128)
    product = builder.mul(builder.zext(a, double), builder.zext(b, double))
    high = builder.lshr(product, ir.Constant(double, 64))
    return builder.trunc(high, word), builder.trunc(product, word)


@intrinsic  # type: ignore[untyped-decorator]
def multiply_wide(typing: Any, a: Any, b: Any) -> Any:
    """High and low 64 bits of the product of two uint64."""
    both = types.UniTuple(types.uint64, 2)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_tuple(builder, both, wide(builder, *arguments))

    return both(types.uint64, types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def blocks(typing: Any, seed: Any, run: Any, counters: Any) -> Any:
    """The four words of the block at each of a tuple of counters, all of four uint64.

    The rounds of a block wait for each other. So blocks go through them side by side.
    """
    four = types.UniTuple(types.uint64, 4)
    kind = types.UniTuple(four, len(counters))

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        keys, given = list(arguments[:2]), cgutils.unpack_tuple(builder, arguments[2])
        xs = [cgutils.unpack_tuple(builder, x) for x in given]
        for r in range(ROUNDS):
            if r > 0:
                keys = [builder.add(k, word(w)) for k, w in zip(keys, WEYL, strict=True)]
            for b, (x0, x1, x2, x3) in enumerate(xs):
                high0, low0 = wide(builder, x0, word(MULTIPLIERS[0]))
                high1, low1 = wide(builder, x2, word(MULTIPLIERS[1]))
                one, two = builder.xor(high1, x1), builder.xor(high0, x3)
                xs[b] = builder.xor(one, keys[0]), low1, builder.xor(two, keys[1]), low0
        return context.make_tuple(builder, kind, [context.make_tuple(builder, four, x) for x in xs])

    return kind(types.uint64, types.uint64, kind), generate


@inlined
def word_at(key: Key, step: int, position: int, trial: int) -> Any:
    """`Stream.words_at` for one word."""
    counter = np.uint64(position) >> TWO, np.uint64(step), key.purpose, np.uint64(trial)
    return blocks(key.seed, key.run, (counter,))[0][np.uint64(position) & THREE]


@intrinsic  # type: ignore[untyped-decorator]
def room_for_blocks(typing: Any) -> Any:
    """uint64 (BLOCKS, 4) on the stack, without initial values."""
    kind = types.Array(types.uint64, 2, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word, size = ir.IntType(64), context.get_value_type(types.intp)
        view = context.make_array(kind)(context, builder)
        shape, strides = [size(BLOCKS), size(4)], [size(32), size(8)]
        memory = cgutils.alloca_once(builder, word, size=BLOCKS * 4)
        populate_array(view, memory, shape, strides, size(8), None)
        return view._getvalue()

    return kind(), generate


@inlined
def counter(key: Key, step: int, number: int) -> tuple[Any, Any, Any, Any]:
    """Where block `number` of a step is; the block of the first trial."""
    return np.uint64(number), np.uint64(step), key.purpose, ZERO


@compiled
def first_words(key: Key, step: int, count: int, words: Any) -> None:
    """The first word of each of `count` steps."""
    for q in range(0, count, 4):
        s = step + q
        four = (
            counter(key, s, 0), counter(key, s + 1, 0), counter(key, s + 2, 0),
            counter(key, s + 3, 0),
        )  # fmt: skip
        a, b, c, d = blocks(key.seed, key.run, four)
        words[q, 0], words[q + 1, 0], words[q + 2, 0], words[q + 3, 0] = a[0], b[0], c[0], d[0]


@compiled
def whole_blocks(key: Key, step: int, number: int, each: int, count: int, words: Any) -> None:
    """The next `count` blocks, from block `number` of a step on, where a step has `each` blocks."""
    for q in range(0, count, 2):
        one = counter(key, step, number)
        step, number = following(step, number, each)
        a, b = blocks(key.seed, key.run, (one, counter(key, step, number)))
        step, number = following(step, number, each)
        words[q, 0], words[q, 1], words[q, 2], words[q, 3] = a
        words[q + 1, 0], words[q + 1, 1], words[q + 1, 2], words[q + 1, 3] = b


@inlined
def following(step: int, number: int, each: int) -> tuple[int, int]:
    """The place of the next block where a step has `each` blocks."""
    if number + 1 == each:
        return step + 1, 0
    return step, number + 1


def each_word(use: Callable[..., None]) -> Callable[..., None]:
    """A loop over the words 0 .. n-1 of the steps first .. first + count - 1 of a stream.

    Parameters
    ----------
    use : compiled function (s, j, word, key, step, out, data)
        What is done with word j of the s-th step.

    Returns
    -------
    compiled function (key, first, count, n, out, data)
    """

    @inlined
    def loop(key: Key, first: int, count: int, n: int, out: Any, data: Any) -> None:
        words, each = room_for_blocks(), (n + 3) // 4
        s, number, left = 0, 0, count * each
        while left > 0:
            here = min(left, BLOCKS)
            if n == 1:
                first_words(key, first + s, here, words)
            else:
                whole_blocks(key, first + s, number, each, here, words)
            for q in range(here):
                j = 4 * number
                for lane in range(min(4, n - j)):
                    use(s, j + lane, words[q, lane], key, first + s, out, data)
                s, number = following(s, number, each)
            left -= here

    return loop
