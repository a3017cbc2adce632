"""The one form of message that every fault inside a file has."""

from __future__ import annotations

from freqopt.errors import DataError

CHECK_FORMAT = "Correct the line, or check that the file is in the format that was asked for."


def shown(field: bytes | str) -> str:
    r"""A field as it can stand in a message: quoted, at most 60 characters, bytes as ``\x..``."""
    text = repr(field).removeprefix("b")
    return text if len(text) <= 62 else f"{text[:58]}{text[0]}..."


def bad_line(path: object, line: int, came: str, expected: str, todo: str) -> DataError:
    """What is wrong with a line of a file, counted from 1."""
    return DataError(f"{path}, line {line}: {came}; expected {expected}. {todo}")


def wrong_count(
    path: object, line: int, came: int, columns: tuple[str, ...], separator: str
) -> DataError:
    """A line with too few or too many fields."""
    names = ", ".join(columns[:12]) + (", ..." if len(columns) > 12 else "")
    return bad_line(
        path,
        line,
        f"{came} columns",
        f"{len(columns)} columns separated by {separator!r} ({names})",
        "Check that the file is in the format that was asked for, and whole.",
    )
