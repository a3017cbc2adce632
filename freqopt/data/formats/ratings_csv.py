"""Any table of ratings: one row a line, columns found by the names in the header.

**Format** a header, then user, item and rating in each line, and a time if there is one; other
columns are passed over. Fields are separated by a comma, semicolon, tab or bar, and may stand in
double quotes, but end in the line in which they begin. White space around a field does not count;
blank lines may stand at the end.

**Columns** are named by `user`, `item`, `rating` and `timestamp`, or by their number from 1.
Without that they are the one column each that is called like one of `KNOWN`, whatever its case and
marks: `User-ID` is `userid`. With `header = false` all are numbers, by default 1 to 3 and no time.

**Identifiers** are compared as text, after white space is taken off. If all of a column are whole
numbers, written as such, they are numbers in `user_ids` and `item_ids`.

**Ratings** are finite numbers with a decimal point; times are whole numbers, in whatever unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from freqopt.data.datasets import Ratings
from freqopt.data.options import require_choice
from freqopt.data.parsing.encodings import UTF_8
from freqopt.data.parsing.faults import bad_line, shown
from freqopt.data.parsing.lines import Block, as_text, blocks
from freqopt.data.parsing.rated import RatedRows, gather
from freqopt.data.parsing.table import SEPARATORS, Table, split_line
from freqopt.data.parsing.unpacked import DataFile
from freqopt.data.vocabulary import Order
from freqopt.errors import DataError

KNOWN = {
    "user": ("user", "userid", "uid", "reviewerid", "customerid"),
    "item": (
        *("item", "itemid", "iid", "movie", "movieid", "product", "productid", "book", "bookid"),
        *("isbn", "asin", "parentasin", "businessid", "track", "trackid", "song", "songid"),
    ),
    "rating": ("rating", "ratings", "stars", "score", "overall", "bookrating"),
    "timestamp": ("timestamp", "time", "unixtime", "unixreviewtime"),
}

Column = str | int


class Rating(NamedTuple):
    """One line: identifiers as in the file, the time if the file has one."""

    user: str
    item: str
    value: float
    timestamp: int | None


class Form(NamedTuple):
    """How a table of ratings is to be read; see `read`."""

    user: Column | None = None
    item: Column | None = None
    rating: Column | None = None
    timestamp: Column | bool | None = None
    separator: str | None = None
    header: bool = True
    encoding: str = UTF_8


def iterate(
    path: str | Path,
    *,
    user: Column | None = None,
    item: Column | None = None,
    rating: Column | None = None,
    timestamp: Column | bool | None = None,
    separator: str | None = None,
    header: bool = True,
    encoding: str = UTF_8,
    member: str | None = None,
) -> Iterator[Rating]:
    """Yield the rows one by one, in constant memory; options as those of `read`."""
    form = Form(user, item, rating, timestamp, separator, header, encoding)
    for rows in _rows(form, DataFile(Path(path), member)):
        yield from rows.records(Rating)


def read(
    path: str | Path,
    *,
    user: Column | None = None,
    item: Column | None = None,
    rating: Column | None = None,
    timestamp: Column | bool | None = None,
    separator: str | None = None,
    header: bool = True,
    encoding: str = UTF_8,
    order: Order = "appearance",
    sha256: str | None = None,
    member: str | None = None,
    test: str | None = None,
) -> Ratings:
    """Read the whole table, plain, gzip or zip.

    Parameters
    ----------
    path
        The file.
    user, item, rating
        Columns, by name or by number from 1; see above for what is taken without.
    timestamp
        The column of times; False: none is read.
    separator
        Between fields; by default the one by which the header has the columns.
    header
        Whether the first line has names.
    encoding
        Of the text.
    order
        Numbering of users and items, see `freqopt.data.vocabulary.Order`.
    sha256
        Declared checksum of the file; compared before anything is read.
    member
        Which file of a zip archive, where it has several.
    test
        A file with rows for testing, in the same form: beside `path`, or in the same archive.

    Raises
    ------
    DataError
        The file is missing, damaged or not in this format; the message names the line.
    """
    form = Form(user, item, rating, timestamp, separator, header, encoding)
    name = Path(path).stem
    where = DataFile(Path(path), member)
    return gather(partial(_rows, form), where, test=test, order=order, name=name, sha256=sha256)


def _rows(form: Form, where: DataFile) -> Iterator[RatedRows]:
    if form.separator is not None:
        require_choice("separator", form.separator, SEPARATORS)
    lines = blocks(where, encoding=form.encoding)
    first = next(lines)
    table = _table(form, first)
    below = first.below_first() if form.header else first
    for cells in table.rows(chain([below] if below.data else [], lines)):
        user, item, value = cells.texts(0), cells.texts(1), cells.numbers(2)
        time = None
        if len(table.wanted) == 4:
            time = cells.whole(3, "Write seconds, or leave the times out: timestamp = false.")
        yield RatedRows(user, item, value, time)


def _table(form: Form, first: Block) -> Table:
    """The columns of a file, from its first line."""
    text = as_text(first.path, 1, first.data[: first.data.index(b"\n")])
    if not text.strip():
        raise bad_line(first.path, 1, "a blank line", "the names of the columns", "Remove it.")
    tried = (form.separator,) if form.separator else SEPARATORS
    found: list[Table] = []
    faults: dict[str, DataError] = {}
    for separator in tried:
        fields = split_line(text, separator, quotes=True) or [""]
        names = [field.strip() for field in fields]
        try:
            found.append(Table(names, _wanted(form, first, names), separator, quotes=True))
        except DataError as error:
            faults[separator] = error
    if found:
        return found[0]
    raise faults[max(tried, key=text.count)]


def _wanted(form: Form, first: Block, names: list[str]) -> list[int]:
    """Places of user, item, rating and perhaps the time."""
    wanted = []
    for place, role in enumerate(KNOWN):
        asked = getattr(form, role)
        if asked is None and not form.header and role != "timestamp":
            asked = place + 1
        if role == "timestamp" and (asked is False or (asked is None and not form.header)):
            continue
        found = _places(asked, role, names, numbered=not form.header)
        if len(found) == 1:
            wanted += found
        elif found or asked is not None or role != "timestamp":
            raise _not_one(form, first, names, role, found)
    if len(set(wanted)) < len(wanted):
        raise bad_line(
            first.path, 1, "one column is to be two of user, item, rating and timestamp",
            "a column for each", "Correct the options.",
        )  # fmt: skip
    return wanted


def _not_one(form: Form, first: Block, names: list[str], role: str, found: list[int]) -> DataError:
    asked = getattr(form, role)
    what = f"called like {role}" if asked is None else repr(asked)
    if found:
        came = f"columns {', '.join(str(k + 1) for k in found)} are {what}"
        name = names[found[0]]
        example = repr(name) if names.count(name) == 1 else str(found[0] + 1)
    else:
        came, example = f"no column is {what}", "'NAME'"
    rest = " Check `separator`." if form.separator else ""
    return bad_line(
        first.path,
        1,
        f"{came}, among {shown(', '.join(names))}",
        "one",
        f"Name it, as in {role} = {example}; a file without names needs header = false.{rest}",
    )


def _places(
    asked: Column | bool | None, role: str, names: list[str], *, numbered: bool
) -> list[int]:
    """Places of the columns that may be the one asked for."""
    if isinstance(asked, int) and not isinstance(asked, bool):
        return [asked - 1] if 1 <= asked <= len(names) else []
    if numbered or isinstance(asked, bool):
        return []
    if asked is not None:
        return [k for k, name in enumerate(names) if name == asked]
    bare = ["".join(filter(str.isalnum, name)).lower() for name in names]
    return [k for k, name in enumerate(bare) if name in KNOWN[role]]
