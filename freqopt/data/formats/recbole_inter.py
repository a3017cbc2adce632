"""Interaction tables of RecBole (`.inter`): a typed header, then tab-separated rows.

**Format** the header names each column and its type, such as `user_id:token`, `rating:float`.
The four columns user_id, item_id, rating and timestamp must be there, in any order; others are
passed over. UTF-8. Identifiers must be whole numbers, as in the package's ml-100k.

**Source** the data set examples of RecBole 1.2.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from freqopt.data.datasets import Ratings, ratings
from freqopt.data.parsing.lines import bad_line, checksum, lines, shown, whole_number, wrong_count
from freqopt.data.vocabulary import Order, check_order

HEADER = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")


class Interaction(NamedTuple):
    """One line: identifiers as in the file, seconds since 1970-01-01 UTC."""

    user: int
    item: int
    value: float
    timestamp: int


def iterate(path: str | Path) -> Iterator[Interaction]:
    """Yield the lines below the header, in constant memory."""
    numbered = lines(path, "utf-8", official=True)
    names = tuple(next(numbered)[1].split("\t"))
    missing = [name for name in HEADER if name not in names]
    if missing:
        raise bad_line(
            Path(path),
            1,
            f"the header {shown(' '.join(names))} lacks {', '.join(missing)}",
            f"the columns {', '.join(HEADER)}",
            "Check that the file is a RecBole `.inter` table of ratings.",
        )
    where = [names.index(name) for name in HEADER]
    for line, text in numbered:
        fields = text.split("\t")
        if len(fields) != len(names):
            raise wrong_count(Path(path), line, len(fields), names, "\t")
        user, item, value, timestamp = (fields[k] for k in where)
        yield Interaction(
            whole_number(path, line, "user_id", user),
            whole_number(path, line, "item_id", item),
            _rating(path, line, value),
            whole_number(path, line, "timestamp", timestamp),
        )


def read(path: str | Path, *, order: Order = "appearance", sha256: str | None = None) -> Ratings:
    """Read a `.inter` file, plain or gzip.

    Parameters
    ----------
    path
        The file.
    order
        Numbering of users and items, see `freqopt.data.vocabulary.Order`.
    sha256
        Declared checksum of the file; compared before anything is read.

    Raises
    ------
    DataError
        The file is missing, damaged or not in this format; the message names the line.
    """
    check_order(order)
    digest = checksum(path, sha256)
    table = np.fromiter(iterate(path), dtype=[("u", "i8"), ("i", "i8"), ("r", "f8"), ("t", "i8")])
    if not table.size:
        raise bad_line(Path(path), 1, "only a header", "rows below it", "Fetch the file again.")
    columns = (table["u"], table["i"], table["r"].copy(), table["t"].copy())
    return ratings(columns, order, name=Path(path).stem, source=str(path), sha256=digest)


def _rating(path: str | Path, line: int, field: str) -> float:
    try:
        value = float(field)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        todo = "Correct the line."
        raise bad_line(Path(path), line, f"rating is {shown(field)}", "a finite number", todo)
    return value
