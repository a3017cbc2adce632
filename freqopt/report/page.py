"""A report as one HTML file that needs nothing else: no script, no request, pictures inside."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from freqopt.errors import ResultError
from freqopt.experiment.protocol.render import Table

TEMPLATE = Path(__file__).with_name("page.html.jinja")
PROTOCOL = """Where a study has a table [tune], every rule had the same number of trials over its
rate, its schedule and the study's further axes. Trials have random numbers of their own, and on
data they are measured on validation rows: test rows are no part of the problem that is tuned. The
grid grows by its factor until the best trial of every rule is inside; where it is not, that is an
error below. What was chosen was run again with other random numbers, on data for several splits,
trained on all rows but the test rows and measured on these. Intervals are of level 0.95 by a
bootstrap over splits and over runs inside them; differences are paired, p-values are Wilcoxon's,
corrected by Holm for the rules of a study. Steps to a target are of runs at a rate that was chosen
for that target."""


@dataclass(frozen=True)
class Part:
    """A piece of a section: text, wrong, code, heading, table or figure."""

    kind: str
    text: str
    svg: str = ""
    label: str = ""


@dataclass
class Section:
    """Pieces under a title."""

    title: str
    parts: list[Part] = field(default_factory=list)

    def add(self, kind: str, text: str) -> None:
        """A piece of text, unless there is none."""
        if text:
            self.parts.append(Part(kind, text))

    def table(self, table: Table) -> None:
        """A table, unless it is empty."""
        if table.rows:
            self.parts.append(Part("table", table.html()))

    def figure(self, svg: Path, about: str) -> None:
        """A picture from its file, with its text."""
        label = about.splitlines()[0] if about else svg.stem
        self.parts.append(Part("figure", about, inline(svg), label))


def inline(path: Path) -> str:
    """An SVG file as an element of a page; its identifiers are made the file's own."""
    text = path.read_text(encoding="utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    prefix = re.sub(r"\W", "_", path.stem)
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
