"""Columns of a delimited table by their names in its header: text, numbers, times.

A block of lines is cut by `pyarrow.csv`, with quotes where the format has them; a row is one line,
so that each fault has its line number.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from freqopt.data.parsing.faults import bad_line, shown, wrong_count
from freqopt.data.parsing.lines import Block, as_text
from freqopt.errors import DataError

SEPARATORS = (",", ";", "\t", "|")

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_WHOLE = r"^-?\d{1,18}(\.0*)?$"


class Table:
    """Where the wanted columns are, and how lines are cut.

    Parameters
    ----------
    names : sequence of str
        All columns of the file, in order.
    wanted : sequence of int
        Their places of those that are read.
    separator : str
        One character.
    quotes : bool
        Whether a field may stand in double quotes.
    """

    def __init__(
        self, names: Sequence[str], wanted: Sequence[int], separator: str, *, quotes: bool
    ) -> None:
        self.names, self.wanted = tuple(names), tuple(wanted)
        self.separator, self.quotes = separator, quotes
        self._every = every = [str(k) for k in range(len(names))]
        self._parse = arrow_csv.ParseOptions(
            delimiter=separator, quote_char='"' if quotes else False, ignore_empty_lines=False
        )
        self._convert = arrow_csv.ConvertOptions(
            include_columns=[every[k] for k in wanted],
            column_types={every[k]: pa.string() for k in wanted},
            strings_can_be_null=False,
        )

    def rows(self, blocks: Iterator[Block]) -> Iterator[Cells]:
        """The wanted columns of blocks of lines. Blank lines at the end of a file are none.

        Raises
        ------
        DataError
            A line has another number of fields, is no UTF-8, ends inside quotes, or is blank
            above another.
        """
        blank = 0
        for block in blocks:
            data = block.data
            filled = data.rstrip(b"\n \t") if self.separator != "\t" else data.rstrip(b"\n")
            if not filled:
                blank = blank or block.first_line
                continue
            if blank:
                raise self._bad_count(block, blank, 1)
            end = data.index(b"\n", len(filled)) + 1
            if end < len(data):
                blank = block.first_line + data.count(b"\n", 0, end)
                block = Block(block.path, block.first_line, data[:end])
            yield self._cut(block)

    def _cut(self, block: Block) -> Cells:
        size = block.data.count(b"\n")
        whole = arrow_csv.ReadOptions(
            column_names=self._every, use_threads=False, block_size=len(block.data)
        )
        try:
            table = arrow_csv.read_csv(io.BytesIO(block.data), whole, self._parse, self._convert)
        except pa.ArrowInvalid as error:
            self._refuse(block)
            raise bad_line(
                block.path, block.first_line, f"the lines from here on are no table ({error})",
                "one row in each line", "Check the file.",
            ) from error  # fmt: skip
        if len(table) != size or b"\n\n" in block.data or block.data.startswith(b"\n"):
            self._refuse(block)
        columns = [pc.utf8_trim_whitespace(column.combine_chunks()) for column in table.columns]
        return Cells(self, block, columns)

    def _refuse(self, block: Block) -> None:
        """Raise what is wrong with the first line that is not as it should be."""
        for number, line in enumerate(block.data.split(b"\n")[:-1], block.first_line):
            text = as_text(block.path, number, line)
            fields = split_line(text, self.separator, quotes=self.quotes)
            if fields is None:
                raise bad_line(
                    block.path, number, f"{shown(text)} ends inside double quotes",
                    "every row on one line, with quotes in pairs",
                    "Close the quotes, or write line breaks inside fields as blanks.",
                )  # fmt: skip
            if len(fields) != len(self.names):
                raise self._bad_count(block, number, len(fields) or 1)

    def _bad_count(self, block: Block, line: int, came: int) -> DataError:
        return wrong_count(block.path, line, came, self.names, self.separator)


class Cells:
    """The wanted columns of one block, as strings without the white space around them."""

    def __init__(self, table: Table, block: Block, columns: list[pa.StringArray]) -> None:
        self._table, self._block, self._columns = table, block, columns

    def __len__(self) -> int:
        return len(self._columns[0])

    def texts(self, k: int) -> pa.StringArray:
        """Column k of the wanted ones; no cell is empty."""
        column = self._columns[k]
        self._require(k, pc.not_equal(column, ""), "an identifier", "Correct the line.")
        return column

    def numbers(self, k: int) -> NDArray[np.float64]:
        """Column k as finite numbers, float64 (R,)."""
        expected, todo = "a finite number, as 3.5", "Correct the line, or leave it out."
        column = self._columns[k]
        self._require(k, pc.match_substring_regex(column, _NUMBER), expected, todo)
        values = pc.cast(column, pa.float64())
        self._require(k, pc.is_finite(values), expected, todo)
        return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)

    def whole(self, k: int, todo: str) -> NDArray[np.int64]:
        """Column k as whole numbers of up to 18 digits, which may be written 3.0; int64 (R,)."""
        column = self._columns[k]
        self._require(k, pc.match_substring_regex(column, _WHOLE), "a whole number", todo)
        digits = pc.replace_substring_regex(column, r"\.0*$", "")
        return np.asarray(pc.cast(digits, pa.int64()).to_numpy(zero_copy_only=False), np.int64)

    def _require(self, k: int, good: pa.BooleanArray, expected: str, todo: str) -> None:
        if pc.all(good).as_py() is False:
            row = good.index(False).as_py()
            name = self._table.names[self._table.wanted[k]]
            raise bad_line(
                self._block.path,
                self._block.first_line + row,
                f"{name} is {shown(self._columns[k][row].as_py())}",
                expected,
                todo,
            )


def split_line(text: str, separator: str, *, quotes: bool) -> list[str] | None:
    """The fields of a line; None if it ends inside quotes."""
    if not quotes:
        return text.split(separator)
    try:
        return next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error as error:
        if "unexpected end" in str(error):
            return None
        return next(csv.reader([text], delimiter=separator), [])
