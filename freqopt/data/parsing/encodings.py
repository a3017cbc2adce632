"""From bytes to text in a declared encoding; a byte order mark is taken off or refused by name."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from freqopt.data.parsing.faults import bad_line
from freqopt.data.parsing.unpacked import Where, chunks, data_file
from freqopt.errors import DataError

UTF_8 = "utf-8"

_MARKS = {  # the longest first: that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def check_encoding(encoding: str) -> str:
    """The encoding's own name.

    Raises
    ------
    DataError
        There is none of this name that gives text.
    """
    try:
        "a".encode(encoding)  # codecs.lookup also knows codecs that give no text
        return codecs.lookup(encoding).name.removesuffix("-sig")
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"encoding is {encoding!r}; expected one that Python knows, such as 'utf-8' or "
            "'latin-1'. Correct `encoding`."
        ) from error


def unmarked(where: Where, encoding: str | None = None) -> Iterator[bytes]:
    """`chunks` of text in this encoding, without the byte order mark of UTF-8.

    None is UTF-8 of a format that has no other: then no message tells to name one.

    Raises
    ------
    DataError
        As `chunks`; the mark is that of another encoding, or there is a zero byte where the
        encoding has none.
    """
    name, file = check_encoding(encoding or UTF_8), data_file(where)
    wide = name.startswith(("utf-16", "utf-32"))
    head, line = b"", 1
    begun = False
    for piece in chunks(where):
        if not begun:
            head += piece
            if len(head) < 4:
                continue
            piece, begun = _without_mark(file, head, encoding), True
        if not wide and b"\0" in piece:
            line += piece.count(b"\n", 0, piece.index(b"\0"))
            raise _no_text(file, line, "a zero byte", encoding, "utf-16-le")
        yield piece
        line += piece.count(b"\n")
    if not begun:
        yield _without_mark(file, head, encoding)


def decoded(where: Where, encoding: str) -> Iterator[str]:
    """Pieces of text; a character that is cut by the end of a piece is carried over.

    Raises
    ------
    DataError
        As `unmarked`, and for bytes that are no text in this encoding.
    """
    file = data_file(where)
    decoder = codecs.getincrementaldecoder(check_encoding(encoding))()
    line, first = 1, True
    try:
        for chunk in unmarked(where, encoding):
            text = decoder.decode(chunk)
            yield text.removeprefix("\ufeff") if first else text  # of utf-16-le and the like
            first = first and not text
            line += text.count("\n")
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        line += error.object[: error.start].count(b"\n")
        came = f"byte 0x{error.object[error.start]:02x}"
        raise _no_text(file, line, came, encoding, "latin-1") from error
    except UnicodeError as error:  # utf-16 and utf-32 want to begin with a byte order mark
        raise bad_line(
            file,
            line,
            str(error),
            f"text in {encoding}",
            f"Name the order of the bytes, as in encoding='{encoding}-le', or convert the file.",
        ) from error


def _without_mark(file: object, head: bytes, encoding: str | None) -> bytes:
    for mark, kind in _MARKS.items():
        if head.startswith(mark):
            if not check_encoding(encoding or UTF_8).startswith(kind):
                came = f"the file begins with the byte order mark of {kind}"
                raise _no_text(file, 1, came, encoding, kind)
            return head.removeprefix(mark) if kind == "utf-8" else head
    return head


def _no_text(file: object, line: int, came: str, encoding: str | None, suggested: str) -> DataError:
    named = f"Name the file's encoding, such as encoding='{suggested}', or convert it to UTF-8."
    todo = named if encoding else "Convert the file to UTF-8."
    return bad_line(file, line, came, f"text in {encoding or UTF_8}", todo)
