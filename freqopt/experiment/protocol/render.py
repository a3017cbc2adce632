"""A table of results as text and as HTML."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """Rows under a head.

    Attributes
    ----------
    name, about : str
        Its title, and what it holds.
    head : list of str
        What each column is called.
    rows : list of lists
        Text and numbers, one for each column.
    """

    name: str
    about: str
    head: list[str]
    rows: list[list[Any]]

    def columns(self) -> dict[str, list[Any]]:
        """The cells by the head's words.

        Returns
        -------
        dict of str to list
        """
        return {name: [row[k] for row in self.rows] for k, name in enumerate(self.head)}

    def text(self) -> str:
        """In columns of equal width.

        Returns
        -------
        str
        """
        cells = [self.head, *([shown(cell) for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        )
        return "\n".join([f"{self.name}: {self.about}", *lines])

    def html(self) -> str:
        """A `<table>` with its caption; numbers to the right.

        Returns
        -------
        str
        """
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.head)
        body = "".join("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in self.rows)
        caption = html.escape(f"{self.name}: {self.about}")
        return (
            f'<div class="wide"><table><caption>{caption}</caption><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )

    @staticmethod
    def paragraph(text: str) -> str:
        """A line of HTML.

        Parameters
        ----------
        text : str
            As it is to be read.

        Returns
        -------
        str
        """
        return f"<p>{html.escape(text)}</p>"


def shown(cell: Any) -> str:
    """A cell as it is read: four digits, a dash for what is not known.

    Parameters
    ----------
    cell : str or number

    Returns
    -------
    str
    """
    if isinstance(cell, float):
        if math.isnan(cell):
            return "-"
        if math.isinf(cell):
            return "never"
        return f"{cell:,.0f}" if 1e4 <= abs(cell) < 1e15 else f"{cell:.4g}"
    return str(cell)


def _cell(cell: Any) -> str:
    kind = ' class="number"' if isinstance(cell, int | float) else ""
    return f"<td{kind}>{html.escape(shown(cell))}</td>"
