"""Ratings files of four numeric columns, as MovieLens publishes them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from freqopt.data.datasets import Ratings
from freqopt.data.parsing.columns import Columns
from freqopt.data.parsing.faults import bad_line, shown
from freqopt.data.parsing.lines import Block, blocks
from freqopt.data.parsing.rated import RatedRows, gather
from freqopt.data.parsing.unpacked import DataFile
from freqopt.data.vocabulary import Order

COLUMNS = ("user", "item", "rating", "timestamp")


class Rating(NamedTuple):
    """One line of a ratings file: identifiers as in the file, seconds since 1970-01-01 UTC."""

    user: int
    item: int
    stars: float
    timestamp: int


class Stars(NamedTuple):
    """A form of such files.

    Attributes
    ----------
    name : str
        Of the data set.
    separator : str
    usual : tuple of str
        What the file is called in its archive.
    halves : bool
        Stars go by halves from 0.5 to 5, else by whole ones from 1.
    header : str
        The first line; none if empty.
    """

    name: str
    separator: str
    usual: tuple[str, ...]
    halves: bool = False
    header: str = ""

    def iterate(self, path: str | Path, member: str | None) -> Iterator[Rating]:
        """Yield one record per line, in constant memory."""
        for rows in _rows(self, DataFile(Path(path), member, self.usual)):
            yield from rows.records(Rating)

    def read(
        self,
        path: str | Path,
        *,
        order: Order,
        sha256: str | None,
        member: str | None,
        test: str | None,
    ) -> Ratings:
        """Read the whole file."""
        where = DataFile(Path(path), member, self.usual)
        return gather(
            partial(_rows, self), where, test=test, order=order, name=self.name, sha256=sha256
        )


def _rows(form: Stars, where: DataFile) -> Iterator[RatedRows]:
    """Blocks of rows; identifiers and times are not negative."""
    columns = tuple(form.header.split(form.separator)) if form.header else COLUMNS
    for block in blocks(where, official=True):
        if block.first_line == 1 and form.header:
            block = _below_header(form, block)
            if not block.data:
                continue
        fields = Columns(block, form.separator, columns)
        numbers = fields.integers(slice(0, 2), signed=False)
        if form.halves:
            stars, least, kind = fields.halves(2), 0.5, "half stars from 0.5 to 5"
        else:
            stars = fields.integers(slice(2, 3), signed=False)[:, 0].astype("f8")
            least, kind = 1.0, "a whole number of stars from 1 to 5"
        fields.require((stars >= least) & (stars <= 5), 2, kind)
        times = fields.integers(slice(3, 4), signed=False)[:, 0]
        yield RatedRows(numbers[:, 0].copy(), numbers[:, 1].copy(), stars, times)


def _below_header(form: Stars, block: Block) -> Block:
    line = block.data[: block.data.index(b"\n")]
    if line != form.header.encode():
        raise bad_line(
            block.path,
            1,
            f"the header is {shown(line)}",
            repr(form.header),
            "Check that the file is MovieLens' ratings.csv; any other table of ratings is read "
            "with format = 'ratings_csv'.",
        )
    return block.below_first()
