"""Writing to a terminal, to a pipe, or as JSON: people's text on one, nothing else on the other."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from freqopt.errors import ResultError

Progress = Callable[[int, int], None]


CLOSED = 141
"""The exit code when nobody reads our output any more: that of a program which SIGPIPE ended."""


LONGEST = 2000
"""Characters of a line that is not result."""

_CONTROLS = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in (*range(32), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\n\t"
}
"""What a terminal obeys instead of showing it."""


def printable(text: str) -> str:
    r"""Text, some of which may come from data, with its control characters as ``\x1b``."""
    return text.translate(_CONTROLS)


def say(text: str) -> None:
    """A line of result, on standard output."""
    with written():
        print(printable(text), flush=True)


def warn(text: str) -> None:
    """A line that is not result, on standard error; if that is closed, nowhere."""
    try:
        print(printable("\n".join(map(_short, text.split("\n")))), file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)


def _short(line: str) -> str:
    """A line that a name or a number of thousands of characters does not fill a terminal with."""
    more = len(line) - LONGEST
    head, tail = line[: LONGEST // 2], line[-LONGEST // 2 :]
    return line if more <= 0 else f"{head} ... {more} characters more ... {tail}"


def flush() -> None:
    """See standard output written to its end."""
    with written():
        if sys.stdout is not None:
            sys.stdout.flush()


@contextmanager
def written() -> Iterator[None]:
    """Standard output is written to, and nothing more of it is kept where that fails.

    Raises
    ------
    BrokenPipeError
        Nobody reads it.
    ResultError
        A full disk, for example.
    """
    try:
        yield
    except OSError as error:
        _discard(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise
        reason = error.strerror
        raise ResultError(f"standard output cannot be written ({reason}); make room") from None


def _discard(stream: Any) -> None:
    """Let what is left in a stream go nowhere: Python would try to write it at its end."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def say_json(value: Any) -> None:
    """The whole of standard output, when JSON was asked for."""
    say(json.dumps(value, indent=2, default=str))


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table, as wide as the terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in header:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(printable(cell)) for cell in row))
    console = Console()
    if console.width < 1:  # COLUMNS=0
        console.width = 80
    with written():
        console.print(grid)


@contextmanager
def progress(title: str, *, silent: bool = False) -> Iterator[Progress]:
    """A bar on standard error, and nothing where that is not a terminal.

    Yields
    ------
    callable (done, total)
    """
    if silent or not sys.stderr.isatty():
        yield lambda done, total: None  # noqa: ARG005 - nobody looks
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import (
        Progress as Bar,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
