"""Interaction tables of RecBole (`.inter`): a typed header, then tab-separated rows.

**Format** the header names each column and its type, such as `user_id:token`, `rating:float`.
User, item and rating must be there, in any order; other columns are passed over, a time is read if
there is one. UTF-8, no quotes. Identifiers are text (`token`): if all of a column are whole
numbers, as in the package's ml-100k, they are numbers in `user_ids` and `item_ids`. Times are whole
numbers.

**Source** the atomic files of RecBole 1.2.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from freqopt.data.datasets import Ratings
from freqopt.data.parsing.encodings import UTF_8
from freqopt.data.parsing.faults import bad_line, shown
from freqopt.data.parsing.lines import as_text, blocks
from freqopt.data.parsing.rated import RatedRows, gather
from freqopt.data.parsing.table import Table
from freqopt.data.parsing.unpacked import DataFile
from freqopt.data.vocabulary import Order

TYPES = ("token", "token", "float", "float")


class Interaction(NamedTuple):
    """One line: identifiers as in the file, the time if the file has one."""

    user: str
    item: str
    value: float
    timestamp: int | None


class Names(NamedTuple):
    """Names of the columns, without their types, and the encoding."""

    user: str
    item: str
    rating: str
    timestamp: str
    encoding: str


def iterate(
    path: str | Path,
    *,
    user: str = "user_id",
    item: str = "item_id",
    rating: str = "rating",
    timestamp: str = "timestamp",
    encoding: str = UTF_8,
    member: str | None = None,
) -> Iterator[Interaction]:
    """Yield the lines below the header, in constant memory; options as those of `read`."""
    names = Names(user, item, rating, timestamp, encoding)
    for rows in _rows(names, DataFile(Path(path), member)):
        yield from rows.records(Interaction)


def read(
    path: str | Path,
    *,
    user: str = "user_id",
    item: str = "item_id",
    rating: str = "rating",
    timestamp: str = "timestamp",
    encoding: str = UTF_8,
    order: Order = "appearance",
    sha256: str | None = None,
    member: str | None = None,
    test: str | None = None,
) -> Ratings:
    """Read a `.inter` file, plain, gzip or zip.

    Parameters
    ----------
    path
        The file.
    user, item, rating, timestamp
        Names of the columns, without their types, as in `item = "business_id"`.
    encoding
        Of the text.
    order
        Numbering of users and items, see `freqopt.data.vocabulary.Order`.
    sha256
        Declared checksum of the file; compared before anything is read.
    member
        Which file of a zip archive, where it has several.
    test
        The file with the official test rows, such as `x.test.inter`: beside `path`, or in the same
        archive.

    Raises
    ------
    DataError
        The file is missing, damaged or not in this format; the message names the line.
    """
    names = Names(user, item, rating, timestamp, encoding)
    where = DataFile(Path(path), member)
    name = Path(path).stem
    return gather(partial(_rows, names), where, test=test, order=order, name=name, sha256=sha256)


def _rows(names: Names, where: DataFile) -> Iterator[RatedRows]:
    lines = blocks(where, official=True, encoding=names.encoding)
    first = next(lines)
    header = as_text(first.path, 1, first.data[: first.data.index(b"\n")]).split("\t")
    wanted = [f"{name}:{kind}" for name, kind in zip(names[:4], TYPES, strict=True)]
    timed = wanted[3] in header
    wanted = wanted if timed else wanted[:3]
    missing = [name for name in wanted if header.count(name) != 1]
    if missing:
        twice = [name for name in missing if name in header]
        raise bad_line(
            first.path,
            1,
            f"the header {shown(' '.join(header))} "
            + (f"has {', '.join(twice)} twice" if twice else f"lacks {', '.join(missing)}"),
            f"the columns {', '.join(wanted)} once",
            "Name the columns, as in item = 'business_id', or check that the file is a RecBole "
            "`.inter` table of ratings.",
        )
    table = Table(header, [header.index(name) for name in wanted], "\t", quotes=False)
    below = first.below_first()
    for cells in table.rows(chain([below] if below.data else [], lines)):
        times = cells.whole(3, "Correct the line.") if timed else None
        yield RatedRows(cells.texts(0), cells.texts(1), cells.numbers(2), times)
