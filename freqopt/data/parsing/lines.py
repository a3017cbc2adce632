"""Blocks of whole lines of a data file; every fault becomes a `DataError`.

Nothing here holds more than one block of text, whatever the size of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from freqopt.data.parsing import unpacked
from freqopt.data.parsing.encodings import UTF_8, check_encoding, decoded, unmarked
from freqopt.data.parsing.faults import CHECK_FORMAT, bad_line, shown, wrong_count
from freqopt.data.parsing.unpacked import DataFile, Where, data_file
from freqopt.errors import DataError


@dataclass(frozen=True)
class Block:
    """Whole lines of one file: `data` ends with a newline, `first_line` counts from 1."""

    path: DataFile
    first_line: int
    data: bytes

    def below_first(self) -> Block:
        """The block without its first line."""
        return Block(self.path, self.first_line + 1, self.data[self.data.index(b"\n") + 1 :])


def blocks(where: Where, *, official: bool = False, encoding: str | None = None) -> Iterator[Block]:
    """Blocks of whole lines in UTF-8, which is not looked at. CRLF becomes LF.

    The encoding is that of the file, None of a format that has no other than UTF-8.

    A missing final newline is supplied, or refused where the `official` files of the format end
    with one: a file that was cut inside its last number would read as whole.

    Raises
    ------
    DataError
        As `unmarked` and `decoded`; for a line longer than `unpacked.BLOCK_BYTES`; for a carriage
        return that ends no line.
    """
    file = data_file(where)
    first_line = 1
    rest = b""
    pieces = (
        unmarked(where, encoding)
        if encoding is None or check_encoding(encoding) == UTF_8
        else (text.encode() for text in decoded(where, encoding))
    )
    for piece in pieces:
        text = rest + piece
        end = text.rfind(b"\n") + 1
        rest = text[end:]
        if len(rest) > unpacked.BLOCK_BYTES:
            line = first_line + text.count(b"\n")
            refuse_returns(file, line, rest)
            raise bad_line(
                file,
                line,
                f"more than {unpacked.BLOCK_BYTES} bytes without a newline",
                "lines of text",
                "Check that the file is in the format that was asked for.",
            )
        if end:
            data = text[:end].replace(b"\r\n", b"\n")
            refuse_returns(file, first_line, data)
            yield Block(file, first_line, data)
            first_line += text.count(b"\n", 0, end)
    refuse_returns(file, first_line, rest.removesuffix(b"\r"))
    if rest and official:
        raise bad_line(
            file,
            first_line,
            f"the file ends in {shown(rest[-20:])}, without a newline",
            "a newline at the end, as the official files of this format have",
            "It may have been cut inside its last field: fetch it again, or add the newline.",
        )
    if rest:
        yield Block(file, first_line, rest.removesuffix(b"\r") + b"\n")


def refuse_returns(file: object, first_line: int, data: bytes) -> None:
    r"""Refuse a carriage return among lines that end in ``\n``, CRLF having become that."""
    at = data.find(b"\r")
    if at >= 0:
        raise bad_line(
            file,
            first_line + data.count(b"\n", 0, at),
            "a carriage return that ends no line",
            "lines that end in LF or CRLF",
            "If the file has the old Macintosh's line ends, convert it: tr '\\r' '\\n' < OLD > NEW",
        )


def lines(
    where: Where, encoding: str = UTF_8, *, official: bool = False
) -> Iterator[tuple[int, str]]:
    """(line number from 1, line without its newline), decoded.

    Raises
    ------
    DataError
        As `blocks`, and for bytes that are not text in `encoding`.
    """
    for block in blocks(where, official=official, encoding=encoding):
        for number, line in enumerate(block.data.split(b"\n")[:-1], block.first_line):
            yield number, as_text(block.path, number, line)


def as_text(file: object, number: int, line: bytes) -> str:
    """A line of a block.

    Raises
    ------
    DataError
        It is not UTF-8.
    """
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise bad_line(
            file,
            number,
            f"byte 0x{line[error.start]:02x} at position {error.start + 1} of the line",
            f"text in {UTF_8}",
            "Name the file's encoding, such as encoding='latin-1', or convert it to UTF-8.",
        ) from error


def latin_1_lines(where: Where, encoding: str | None) -> Iterator[tuple[int, str]]:
    """`lines` of a file that is ISO-8859-1 officially; None asks for that with a check.

    Raises
    ------
    DataError
        As `lines`; without a declared encoding, also for a line that reads as UTF-8 beyond ASCII:
        copies that were converted are common, and would be read wrongly without a word.
    """
    for number, line in lines(where, encoding or "latin-1", official=True):
        if encoding is None and not line.isascii():
            try:
                other = line.encode("latin-1").decode()
            except UnicodeDecodeError:
                pass
            else:
                raise bad_line(
                    data_file(where),
                    number,
                    f"the line reads as UTF-8, {shown(other)}, and as ISO-8859-1, {shown(line)}",
                    "ISO-8859-1, as the official file has it",
                    "Name what it is: encoding='utf-8', or encoding='latin-1'.",
                )
        yield number, line


def rows(
    where: Where, separator: str, columns: tuple[str, ...], encoding: str | None
) -> Iterator[tuple[int, list[str]]]:
    """(line number, fields) of a small official file whose columns are known.

    Raises
    ------
    DataError
        As `latin_1_lines`, and for a wrong number of columns.
    """
    for number, line in latin_1_lines(where, encoding):
        fields = line.split(separator)
        if len(fields) != len(columns):
            raise wrong_count(data_file(where), number, len(fields), columns, separator)
        yield number, fields


def whole_number(
    where: object, line: int, column: str, field: str, low: int = 0, high: int = 2**63 - 1
) -> int:
    """One field of a line as an integer between `low` and `high`; digits only, no sign.

    Raises
    ------
    DataError
        The field is anything else.
    """
    short = len(field) < 64  # Python refuses to convert very long numbers
    if short and field.isascii() and field.isdigit() and low <= int(field) <= high:
        return int(field)
    raise bad_line(
        where,
        line,
        f"{column} is {shown(field)}",
        f"a whole number from {low} to {high}",
        CHECK_FORMAT,
    )


def no_rows(where: Where) -> DataError:
    """A file that ends below its header."""
    return bad_line(data_file(where), 1, "only a header", "rows below it", "Fetch the file again.")
