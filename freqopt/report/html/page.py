"""A report as one HTML file that needs nothing else: no script, no request, pictures inside."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path

from freqopt.errors import ResultError
from freqopt.experiment.protocol.render import Table

TEMPLATE = Path(__file__).with_name("page.html.jinja")
LONG = 24
"""Rows of a table that is not shown at once."""


@dataclass(frozen=True)
class Part:
    """A piece of a section: text, wrong, code, heading, table, long table or figure."""

    kind: str
    text: str
    svg: str = ""
    label: str = ""
    numbers: str = ""
    file: str = ""


@dataclass
class Section:
    """Pieces under a title."""

    title: str
    parts: list[Part] = field(default_factory=list)

    def add(self, kind: str, text: str) -> None:
        """A piece of text, unless there is none."""
        if text:
            self.parts.append(Part(kind, text))

    def contents(self) -> str:
        """What there is to look at, in words: pictures and tables, in their order."""
        return "; ".join(part.label.rstrip(".") for part in self.parts if part.label)

    def table(self, table: Table) -> None:
        """A table, unless it is empty; a long one is unfolded by whom it interests, or on paper."""
        kind = "table" if len(table.rows) <= LONG else "long table"
        if table.rows:
            label = f"{table.name}, {len(table.rows)} rows"
            self.parts.append(Part(kind, table.html(), label=label))

    def figure(self, svg: Path, about: str) -> None:
        """A picture from its file, with its text, and the numbers in it if they lie beside it."""
        label, csv = about.splitlines()[0] if about else svg.stem, svg.with_suffix(".csv")
        numbers = b64encode(csv.read_bytes()).decode() if csv.is_file() else ""
        self.parts.append(Part("figure", about, inline(svg), label, numbers, csv.name))


def inline(path: Path) -> str:
    """An SVG file as an element of a page; its identifiers are made the file's own."""
    text = path.read_text(encoding="utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    prefix = re.sub(r"\W", "_", f"{path.parent.name}_{path.stem}")
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'href="#', f'href="#{prefix}-', text)
    return re.sub(r"url\(#", f"url(#{prefix}-", text)


def write(path: Path, title: str, sections: list[Section], *, quick: bool) -> None:
    """Write the page, its folder made if need be.

    Parameters
    ----------
    path : Path
    title : str
    sections : list of Section
    quick : bool
        Marked as such.

    Raises
    ------
    ResultError
        It cannot be written.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    text = template.render(title=title, sections=sections, quick=quick)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ResultError(f"{path} cannot be written ({error.strerror}); choose another") from None
