"""Philox 4x64-10: a keyed bijection of 256-bit counters whose output looks random.

Pure NumPy in wrapping uint64 arithmetic, so the words are the same wherever integers are.

Source: Salmon, Moraes, Dror & Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC 2011,
section 3.3. Equal to `numpy.random.Philox(key=..., counter=...).random_raw()`, except that NumPy
adds 1 to its counter before each block: started at counter c - 1, its first block is ours of c.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Words: TypeAlias = NDArray[np.uint64]

ROUNDS = 10
MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)  # M0, M1 of [Salmon 2011]
WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)  # golden ratio and sqrt(3) - 1, in 64 bits
_LOW_HALF = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_CHUNK = 8192  # blocks computed at a time: the temporaries stay in cache. Not a matter of bits.


def multiply_wide(a: Words, b: int) -> tuple[Words, Words]:
    """High and low 64 bits of the 128-bit products a * b, through 32-bit halves."""
    b_low, b_high = np.uint64(b & 0xFFFFFFFF), np.uint64(b >> 32)
    a_low, a_high = a & _LOW_HALF, a >> _HALF
    middle = a_high * b_low + (a_low * b_low >> _HALF)
    carry = a_low * b_high + (middle & _LOW_HALF)
    high = a_high * b_high + (middle >> _HALF) + (carry >> _HALF)
    return high, a * np.uint64(b)


def philox(
    counter0: Words, counter1: Words, counter2: Words, counter3: Words, key0: Words, key1: Words
) -> Words:
    """Philox 4x64-10 of every counter under its key.

    Parameters
    ----------
    counter0, counter1, counter2, counter3, key0, key1 : uint64 arrays
        They broadcast to one shape.

    Returns
    -------
    uint64 array, that shape + (4,)
        The four words of each block.
    """
    parts = [np.asarray(p, np.uint64) for p in (counter0, counter1, counter2, counter3, key0, key1)]
    shape = np.broadcast_shapes(*(part.shape for part in parts))
    # A part that is one number stays one number: it broadcasts within the rounds.
    flat = [
        part.reshape(1) if part.size == 1 else np.broadcast_to(part, shape).reshape(-1)
        for part in parts
    ]
    out = np.empty((*shape, 4), dtype=np.uint64)
    blocks = out.reshape(-1, 4)
    for start in range(0, len(blocks), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        lanes = _rounds(*(part if part.size == 1 else part[chunk] for part in flat))
        for lane, word in enumerate(lanes):
            blocks[chunk, lane] = word
    return out


def _rounds(x0: Words, x1: Words, x2: Words, x3: Words, key0: Words, key1: Words) -> list[Words]:
    for r in range(ROUNDS):
        if r > 0:
            key0 = key0 + np.uint64(WEYL[0])
            key1 = key1 + np.uint64(WEYL[1])
        high0, low0 = multiply_wide(x0, MULTIPLIERS[0])
        high1, low1 = multiply_wide(x2, MULTIPLIERS[1])
        x0, x1, x2, x3 = high1 ^ x1 ^ key0, low1, high0 ^ x3 ^ key1, low0
    return [x0, x1, x2, x3]
