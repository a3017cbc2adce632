"""From blocks of parsed rows to `Clicks`: what the click-through formats share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freqopt.data.datasets import Clicks, stack
from freqopt.data.vocabulary import Order, encode


class ClickRows(NamedTuple):
    """R consecutive rows of a file."""

    labels: NDArray[np.int8] | None  # (R,)
    values: NDArray[np.int64]  # (R, F): the file's own values, not yet ids
    dense: NDArray[np.float64]  # (R, K)
    timestamps: NDArray[np.int64]  # (R,)

    def head(self, count: int) -> ClickRows:
        """Return the first rows."""
        labels = None if self.labels is None else self.labels[:count]
        return ClickRows(labels, self.values[:count], self.dense[:count], self.timestamps[:count])


def gather(
    blocks: Iterator[ClickRows],
    *,
    order: Order,
    limit: int | None,
    token_names: tuple[str, ...],
    dense_names: tuple[str, ...],
    name: str,
    source: str,
    sha256: str,
) -> Clicks:
    """Join blocks, at most `limit` rows, and number the values of each field.

    At its peak this needs the resulting arrays once, and one field of them a few times.
    """
    parts: list[ClickRows] = []
    left = limit
    for block in blocks:
        if left is not None:
            block = block.head(left)
            left -= len(block.values)
        parts.append(block)
        if left == 0:
            break
    labels = [part.labels for part in parts if part.labels is not None]
    values = [part.values for part in parts]
    dense = [part.dense for part in parts]
    timestamps = [part.timestamps for part in parts]
    parts.clear()
    tokens = stack(values)
    vocabularies = []
    for field in range(tokens.shape[1]):
        tokens[:, field], vocabulary = encode(tokens[:, field], order)
        vocabularies.append(vocabulary)
    return Clicks(
        labels=stack(labels) if labels else None,
        tokens=tokens,
        dense=stack(dense),
        timestamps=stack(timestamps),
        vocabularies=tuple(vocabularies),
        token_names=token_names,
        dense_names=dense_names,
        name=name,
        source=source,
        sha256=sha256,
    )
