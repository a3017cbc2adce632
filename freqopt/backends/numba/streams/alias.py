"""The alias method, `freqopt.streams.alias`: one multiplication, one look-up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from freqopt.backends.numba.jit._compile import inlined
from freqopt.backends.numba.streams._law import Law
from freqopt.backends.numba.streams._philox import multiply_wide
from freqopt.streams import AliasTable

Buckets = NDArray[np.uint64]


def buckets(table: AliasTable) -> Buckets:
    """Threshold and alias side by side, uint64 (K, 2): a draw reads one cache line."""
    return np.stack([table.thresholds, table.aliases.astype(np.uint64)], axis=1)


@intrinsic  # type: ignore[untyped-decorator]
def chosen(typing: Any, condition: Any, a: Any, b: Any) -> Any:
    """a if condition else b, without a branch: the processor could not predict it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = builder.select(*arguments)
        value.set_metadata("unpredictable", builder.module.add_metadata([]))
        return value

    return a(types.boolean, a, a), generate


@inlined
def pick(table: Buckets, word: Any) -> int:
    """The value that a word gives."""
    own, rest = multiply_wide(word, np.uint64(table.shape[0]))
    alias = table[own, 1]
    return np.int64(chosen(rest < table[own, 0], own, alias))


@inlined
def _token(word: Any, key: Any, step: int, position: int, data: Any) -> int:
    return pick(data[0], word)


def law(table: AliasTable) -> Law:
    """A draw from an alias table."""
    return Law("alias", (buckets(table),), _token)
