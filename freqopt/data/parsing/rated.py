"""From blocks of parsed rows to `Ratings`: what the formats of ratings share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from freqopt.data.datasets import Ratings, stack
from freqopt.data.parsing.lines import no_rows
from freqopt.data.parsing.unpacked import DataFile, checksum, data_file, is_zip
from freqopt.data.vocabulary import Order, check_order, encode

if TYPE_CHECKING:
    import pyarrow as pa

Column: TypeAlias = "NDArray[np.int64] | pa.StringArray"
"""Identifiers as the file has them: whole numbers, or text."""


class RatedRows(NamedTuple):
    """R consecutive rows of a file."""

    users: Column
    items: Column
    values: NDArray[np.float64]
    timestamps: NDArray[np.int64] | None

    def records(self, make: Callable[..., Any]) -> Iterator[Any]:
        """One record per row."""
        times = [None] * len(self.values) if self.timestamps is None else self.timestamps.tolist()
        yield from map(make, _listed(self.users), _listed(self.items), self.values.tolist(), times)


def _listed(column: Column) -> list[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else column.to_pylist()


class Identifiers:
    """Numbers for the identifiers of one column, block after block."""

    def __init__(self) -> None:
        self._texts: dict[str, int] = {}

    def numbered(self, column: Column) -> NDArray[np.int64]:
        """Whole numbers as they are; texts by first appearance."""
        if isinstance(column, np.ndarray):
            return column
        block, texts = column.dictionary_encode(), self._texts
        here = [texts.setdefault(text, len(texts)) for text in block.dictionary.to_pylist()]
        return np.array(here, np.int64)[block.indices.to_numpy()]

    def encoded(
        self, numbers: NDArray[np.int64], order: Order
    ) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """`encode`; texts that are all whole numbers, written as such, become numbers."""
        if not self._texts:
            return encode(numbers, order)
        texts = list(self._texts)
        if all(map(_is_whole, texts)):
            return encode(np.array(texts, np.int64)[numbers], order)
        by_value = sorted(range(len(texts)), key=texts.__getitem__)
        rank = np.empty(len(texts), np.int64)
        rank[by_value] = np.arange(len(texts))
        ids, ranks = encode(rank[numbers], order)
        named = [texts[by_value[k]] for k in ranks.tolist()]
        return ids, np.array(named, np.dtypes.StringDType())


def _is_whole(text: str) -> bool:
    """Whether a text is what a whole number below 10^18 is written as."""
    digits = len(text) <= 18 and text.isascii() and text.isdigit()
    return digits and (text == "0" or text[0] != "0")


def official_test(path: Path, test: str) -> DataFile:
    """The file with the test rows: beside `path`, or in the same zip archive."""
    return DataFile(path, test) if is_zip(path) else DataFile(path.parent / test)


def gather(
    rows: Callable[[DataFile], Iterable[RatedRows]],
    where: DataFile,
    *,
    test: str | None,
    order: Order,
    name: str,
    sha256: str | None,
) -> Ratings:
    """Join the blocks of a file, and of the one with its official test rows.

    At its peak this needs the resulting arrays and, for one column at a time, three more of its
    size.
    """
    check_order(order)
    digest = checksum(where, sha256)
    files = [where] if test is None else [where, official_test(where.path, test)]
    users, items = Identifiers(), Identifiers()
    sizes, timed = [], True
    columns: tuple[list[NDArray[Any]], ...] = ([], [], [], [])
    for file in files:
        size = 0
        for block in rows(file):
            columns[0].append(users.numbered(block.users))
            columns[1].append(items.numbered(block.items))
            columns[2].append(block.values)
            timed &= block.timestamps is not None
            if block.timestamps is not None:
                columns[3].append(block.timestamps)
            size += len(block.values)
        if not size:
            raise no_rows(data_file(file))
        sizes.append(size)
    user, user_ids = users.encoded(stack(columns[0]), order)
    item, item_ids = items.encoded(stack(columns[1]), order)
    return Ratings(
        users=user,
        items=item,
        values=stack(columns[2]),
        timestamps=stack(columns[3]) if timed else None,
        user_ids=user_ids,
        item_ids=item_ids,
        test=None if test is None else np.repeat([False, True], sizes),
        name=name,
        source=str(where.path),
        sha256=digest,
    )
