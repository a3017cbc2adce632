"""Ratings files of four whole-number columns, as MovieLens 100k and 1M have them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from freqopt.data.datasets import Ratings, ratings, stack
from freqopt.data.parsing.columns import Columns
from freqopt.data.parsing.lines import blocks, checksum
from freqopt.data.vocabulary import Order, check_order

COLUMNS = ("user", "item", "rating", "timestamp")


class Rating(NamedTuple):
    """One line of a ratings file: identifiers as in the file, seconds since 1970-01-01 UTC."""

    user: int
    item: int
    stars: int
    timestamp: int


def _numbers(path: str | Path, separator: str) -> Iterator[NDArray[np.int64]]:
    """Blocks of shape (R, 4); identifiers and times are not negative, stars are 1 to 5."""
    for block in blocks(path, official=True):
        fields = Columns(block, separator, COLUMNS)
        numbers = fields.integers(slice(0, 4), signed=False)
        stars = numbers[:, 2]
        fields.require((stars >= 1) & (stars <= 5), 2, "a whole number of stars from 1 to 5")
        yield numbers


def iterate_stars(path: str | Path, separator: str) -> Iterator[Rating]:
    """Yield one record per line, in constant memory."""
    for numbers in _numbers(path, separator):
        yield from map(Rating._make, numbers.tolist())


def read_stars(
    path: str | Path, separator: str, name: str, order: Order, sha256: str | None
) -> Ratings:
    """Read the whole file."""
    check_order(order)
    digest = checksum(path, sha256)
    user, item, rating, time = stack(list(_numbers(path, separator))).T
    columns = (user, item, rating.astype(np.float64), time.copy())
    return ratings(columns, order, name=name, source=str(path), sha256=digest)
