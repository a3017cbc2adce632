"""Writing to a terminal, to a pipe, or as JSON: people's text on one, nothing else on the other."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Progress = Callable[[int, int], None]


def say(text: str) -> None:
    """A line of result, on standard output."""
    print(text)


def warn(text: str) -> None:
    """A line that is not result, on standard error."""
    print(text, file=sys.stderr)


def say_json(value: Any) -> None:
    """The whole of standard output, when JSON was asked for."""
    print(json.dumps(value, indent=2, default=str))


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
        grid.add_row(*(Text(cell) for cell in row))
    Console().print(grid)


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
