"""What the report says of a whole reproduction: studies, figures, theorems, other libraries."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from freqopt._version import __version__
from freqopt.experiment.execute import StudyRecord
from freqopt.experiment.protocol.render import Table
from freqopt.experiment.study import Study
from freqopt.report.agreement_page import Row, absent
from freqopt.report.figure import FigureFile, read_csv
from freqopt.report.html.page import Section
from freqopt.report.html.study import PROTOCOL, about

if TYPE_CHECKING:
    from freqopt.theory.report import Verification


@dataclass
class Reproduction:
    """What came of it.

    Attributes
    ----------
    reports : list of StudyRecord
    studies : name -> Study
        Those that could be read.
    figures : name -> FigureFile
    written : name of a figure -> paths
    failed : what -> why
    guests : list of Row
    theorems : Verification or None
    sections : list of Section
        Of the studies that ran, as `of_study` gives them.
    """

    reports: list[StudyRecord] = field(default_factory=list)
    studies: dict[str, Study] = field(default_factory=dict)
    figures: dict[str, FigureFile] = field(default_factory=dict)
    written: dict[str, list[str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    guests: list[Row] = field(default_factory=list)
    theorems: Verification | None = None
    sections: list[Section] = field(default_factory=list)


def sections_of(done: Reproduction, out: Path, seconds: float, *, full: bool) -> list[Section]:
    """The page's sections, in the order in which they are read.

    Parameters
    ----------
    done : Reproduction
    out : Path
        The folder that was written to, for the commands.
    seconds : float
        What it took, but for this page.
    full : bool
    """
    form = "" if full else " --quick"
    protocol, repeat, made = Section("Protocol"), Section("How to repeat it"), Section("Provenance")
    protocol.add("text", PROTOCOL)
    repeat.add("code", f"freqopt reproduce{' --full' if full else ''} --out {out}")
    repeat.add("text", "One study and one figure, from results that are stored or computed anew:")
    results = out / "results"
    repeat.add(
        "code",
        "\n".join(
            f"freqopt simulate {study}{form} --results {results}" for study in sorted(done.studies)
        ),
    )
    repeat.add(
        "code",
        "\n".join(
            f"freqopt figures {figure}{form} --results {results} --out {out / 'figures'}"
            for figure in done.written
        ),
    )
    repeat.add("code", f"freqopt verify{' --full --mutants' if full else ''}\nfreqopt crosscheck")
    made.add("code", about())
    return [
        _summary(done, seconds),
        protocol,
        *_drawn(done),
        *done.sections,
        *_theorems(done),
        *_agreement(done),
        repeat,
        made,
    ]


def _summary(done: Reproduction, seconds: float) -> Section:
    """What was run, and what failed."""
    section = Section("What was run")
    runs = sum(report.runs for report in done.reports)
    section.add(
        "text",
        f"freqopt {__version__}: {len(done.reports)} studies with {runs} runs, "
        f"{len(done.written)} figures, in {seconds:.0f} s.",
    )
    if done.theorems:
        section.add("text", f"Theorems: {done.theorems.summary}.")
    if done.guests:
        agree = sum(row.agrees for row in done.guests)
        section.add("text", f"Other libraries: {agree} of {len(done.guests)} lines agree.")
    for name, message in done.failed.items():
        section.add("wrong", f"{name}: {message}")
    for report in done.reports:
        for where, message in report.failed:
            section.add("wrong", f"{report.study}, {where}: {message}")
    head = ["study", "what", "runs", "found", "computed", "failed", "seconds", "figures"]
    rows = [
        [
            report.study, done.studies[report.study].title, report.runs, report.stored,
            report.computed, len(report.failed), round(report.seconds, 1),
            ", ".join(n for n, f in done.figures.items() if report.study in f.studies),
        ]
        for report in done.reports
    ]  # fmt: skip
    section.table(Table("studies", "found: stored from before, and not run again", head, rows))
    return section


def _drawn(done: Reproduction) -> list[Section]:
    """Each figure with its text and its numbers."""
    section = Section("Figures")
    for name, files in done.written.items():
        (svg,) = (Path(file) for file in files if file.endswith(".svg"))
        figure = done.figures[name]
        section.add("heading", name)
        if figure.caption is not None:
            section.add("text", figure.caption(read_csv(svg.with_suffix(".csv"))))
        section.figure(svg, figure.about)
    return [section] if done.written else []


def _theorems(done: Reproduction) -> list[Section]:
    """The worst word of each engine for each theorem, and what the words mean."""
    if done.theorems is None:
        return []
    from freqopt.theory.page import MEANINGS

    section = Section("Theorems")
    found = done.theorems
    rows = [
        [
            e.id, e.title,
            ", ".join(f"{engine} {word}" for engine, word in found.words(e.id).items()),
            "yes" if any(row.failed for row in e.rows) else "",
        ]
        for e in found.examinations
    ]  # fmt: skip
    section.table(
        Table("verdicts", "the worst word of each engine", ["id", "theorem", "", ""], rows)
    )
    words = {word for e in found.examinations for word in found.words(e.id).values()}
    meanings = [[str(word), MEANINGS[word]] for word in MEANINGS if word in words]
    section.table(Table("words", "from the worst on", ["word", "meaning"], meanings))
    return [section]


def _agreement(done: Reproduction) -> list[Section]:
    """Other libraries against the reference."""
    section = Section("Agreement of other libraries")
    head = ["guest", "rule", "dialect", "dtype", "version", "cases", "ULP", "first divergence"]
    rows = [
        [
            row.guest, row.rule, row.dialect, row.dtype, row.versions, row.cases,
            "" if row.ulps is None else row.ulps, row.divergence,
        ]
        for row in done.guests
    ]  # fmt: skip
    section.table(Table("agreement", "optimizers of libraries that are installed", head, rows))
    for line in absent():
        section.add("text", line)
    return [section]
