"""Bytes of a data file, plain or gzip, in blocks of whole lines; every fault becomes a `DataError`.

Nothing here holds more than one block of text, whatever the size of the file.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from freqopt._files import opened
from freqopt.errors import DataError

BLOCK_BYTES = 1 << 20
"""Bytes read at a time; also the longest line a line-by-line format may have."""

_GZIP = b"\x1f\x8b"
_PACKED = {b"PK\x03\x04": "a zip archive", b"\xfd7zXZ\x00": "an xz file", b"BZh": "a bzip2 file"}


@dataclass(frozen=True)
class Block:
    """Whole lines of one file: `data` ends with a newline, `first_line` counts from 1."""

    path: Path
    first_line: int
    data: bytes


def shown(field: bytes | str) -> str:
    r"""A field as it can stand in a message: quoted, at most 60 characters, bytes as ``\x..``."""
    text = repr(field).removeprefix("b")
    return text if len(text) <= 62 else f"{text[:58]}{text[0]}..."


def bad_line(path: Path, line: int, came: str, expected: str, todo: str) -> DataError:
    """Build the one form of message that every fault inside a file has."""
    return DataError(f"{path}, line {line}: {came}; expected {expected}. {todo}")


def chunks(path: str | Path) -> Iterator[bytes]:
    """Pieces of at most `BLOCK_BYTES` unpacked bytes, in file order.

    gzip is recognised by its first two bytes, not by the file's name.

    Raises
    ------
    DataError
        Missing or unreadable or empty file, another kind of archive, truncated or damaged gzip.
    """
    path = Path(path)
    line = 1
    try:
        with opened(path) as file:
            head = file.read(6)
            file.seek(0)
            for magic, kind in _PACKED.items():
                if head.startswith(magic):
                    raise DataError(
                        f"{path} is {kind}; expected plain text or gzip. Unpack it first."
                    )
            stream = gzip.GzipFile(fileobj=file) if head.startswith(_GZIP) else file
            piece = stream.read(BLOCK_BYTES)
            if not piece:
                raise DataError(
                    f"{path} is empty (0 bytes of text); expected data. Fetch the file again."
                )
            while piece:
                yield piece
                line += piece.count(b"\n")
                piece = stream.read(BLOCK_BYTES)
    except FileNotFoundError as error:
        raise DataError(
            f"{path} does not exist; expected a data file. Check the path: a relative one is "
            f"looked up from {Path.cwd()}."
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise bad_line(
            path,
            line,
            f"the gzip stream is truncated or damaged at or after this line ({error})",
            "a whole gzip file",
            "Fetch the file again and compare its checksum.",
        ) from error
    except (OSError, ValueError) as error:  # the latter for a name with a null character
        if isinstance(error, DataError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{path} cannot be read ({reason}); expected a readable file. "
            "Check its kind and its permissions."
        ) from error


def blocks(path: str | Path, *, official: bool = False) -> Iterator[Block]:
    """Blocks of whole lines. CRLF becomes LF.

    A missing final newline is supplied, or refused where the `official` files of the format end
    with one: a file that was cut inside its last number would read as whole.

    Raises
    ------
    DataError
        As `chunks`, and for a line longer than `BLOCK_BYTES`.
    """
    path = Path(path)
    first_line = 1
    rest = b""
    for piece in chunks(path):
        text = rest + piece
        end = text.rfind(b"\n") + 1
        rest = text[end:]
        if len(rest) > BLOCK_BYTES:
            raise bad_line(
                path,
                first_line + text.count(b"\n"),
                f"more than {BLOCK_BYTES} bytes without a newline",
                "lines of text",
                "Check that the file is in the format that was asked for.",
            )
        if end:
            yield Block(path, first_line, text[:end].replace(b"\r\n", b"\n"))
            first_line += text.count(b"\n", 0, end)
    if rest and official:
        raise bad_line(
            path,
            first_line,
            f"the file ends in {shown(rest[-20:])}, without a newline",
            "a newline at the end, as the official files of this format have",
            "It may have been cut inside its last field: fetch it again, or add the newline.",
        )
    if rest:
        yield Block(path, first_line, rest.removesuffix(b"\r") + b"\n")


def lines(path: str | Path, encoding: str, *, official: bool = False) -> Iterator[tuple[int, str]]:
    """(line number from 1, line without its newline), decoded.

    Raises
    ------
    DataError
        As `blocks`, and for bytes that are not text in `encoding`.
    """
    for block in blocks(path, official=official):
        for number, line in enumerate(block.data.split(b"\n")[:-1], block.first_line):
            try:
                yield number, line.decode(encoding)
            except UnicodeDecodeError as error:
                raise bad_line(
                    block.path,
                    number,
                    f"byte 0x{line[error.start]:02x} at position {error.start + 1} of the line",
                    f"text in {encoding}",
                    "Convert the file, or name its encoding.",
                ) from error


def rows(
    path: str | Path, separator: str, columns: tuple[str, ...], encoding: str
) -> Iterator[tuple[int, list[str]]]:
    """(line number, fields) of a small official file whose columns are known.

    Raises
    ------
    DataError
        As `lines`, and for a wrong number of columns.
    """
    for number, line in lines(path, encoding, official=True):
        fields = line.split(separator)
        if len(fields) != len(columns):
            raise wrong_count(Path(path), number, len(fields), columns, separator)
        yield number, fields


def wrong_count(
    path: Path, line: int, came: int, columns: tuple[str, ...], separator: str
) -> DataError:
    """Build the message for a line with too few or too many fields."""
    return bad_line(
        path,
        line,
        f"{came} columns",
        f"{len(columns)} columns separated by {separator!r} ({', '.join(columns)})",
        "Check that the file is in the format that was asked for, and whole.",
    )


def checksum(path: str | Path, expected: str | None = None) -> str:
    """SHA-256 of the file as it lies on disk, compared with `expected` where that is given.

    Raises
    ------
    DataError
        The file cannot be read, or its checksum is another.
    """
    try:
        with opened(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        next(chunks(path))  # raises with the exact reason
        raise
    if expected is not None and digest != expected.lower():
        raise DataError(
            f"{path} has SHA-256 {digest}; expected {expected}. It is another version of the "
            "file or a damaged copy: fetch the right one, or correct the declared checksum."
        )
    return digest


def whole_number(
    path: str | Path, line: int, column: str, field: str, low: int = 0, high: int = 2**63 - 1
) -> int:
    """One field of `rows` as an integer between `low` and `high`; digits only, no sign.

    Raises
    ------
    DataError
        The field is anything else.
    """
    short = len(field) < 64  # Python refuses to convert very long numbers
    if short and field.isascii() and field.isdigit() and low <= int(field) <= high:
        return int(field)
    raise bad_line(
        Path(path),
        line,
        f"{column} is {shown(field)}",
        f"a whole number from {low} to {high}",
        "Correct the line, or check that the file is in the format that was asked for.",
    )
