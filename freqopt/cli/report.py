"""`freqopt report`: tables and pictures of a study that was simulated."""

from __future__ import annotations

import json
from pathlib import Path

from freqopt.backends import DEFAULT
from freqopt.cli.folders import find
from freqopt.errors import FreqoptError
from freqopt.experiment.protocol.compare import compare
from freqopt.experiment.protocol.plain import summary
from freqopt.experiment.store.provenance import origin, provenance
from freqopt.experiment.study import Study
from freqopt.report.page import PROTOCOL, Section, write
from freqopt.report.pictures import draw_figures
from freqopt.report.terminal import say, warn


def report_(
    study: str,
    *,
    quick: bool = False,
    results: Path = Path("results"),
    out: Path = Path("report"),
    backend: str = DEFAULT,
) -> int:
    """Tables and pictures of a simulated study: best rates, edges, divergences, intervals.

    The exit code is 1 where a best rate is at an edge of its grid.

    Parameters
    ----------
    study
        A study file, or a name that `freqopt list` shows.
    quick
        As it was simulated.
    results
        Folder of the stored results.
    out
        Folder to write to: index.html, and the pictures.
    backend
        As it was simulated.
    """
    read = Study.read(find("simulations", study), quick=quick)
    section, wrong = of_study(read, results, out, backend)
    how = (
        f"freqopt simulate {read.source}{' --quick' if quick else ''}\nfreqopt report {read.source}"
    )
    sections = [section, Section("How to repeat it"), Section("Provenance")]
    sections[1].add("code", how + (" --quick" if quick else ""))
    sections[2].add("code", about())
    write(out / "index.html", read.title, sections, quick=quick)
    for sentence in wrong:
        warn(f"{read.name}: {sentence}")
    say(str(out / "index.html"))
    return int(bool(wrong))


def of_study(
    study: Study, results: Path, out: Path, backend: str = DEFAULT
) -> tuple[Section, list[str]]:
    """What a report says of a study, and what is wrong with it: choices at an edge.

    Parameters
    ----------
    study : Study
    results, out : Path
        Folder of its results, and of the pictures.
    backend : str
    """
    section = Section(study.title)
    section.add("text", study.description.strip())
    if study.compare is None:
        tables, wrong = summary(study, results=results, backend=backend)
    else:
        section.add("text", PROTOCOL)
        found = compare(study, results=results, backend=backend)
        tables, wrong = found.tables, found.edges
        columns = found["figures"].columns()
        svg = draw_figures(columns, found.metric, out / "pictures" / study.name)
        section.figure(svg, f"{found.metric} at the last step, intervals of level 0.95.")
    for sentence in wrong:
        section.add("wrong", f"ERROR: {sentence}")
    for table in tables:
        section.table(table)
    return section, wrong


def about() -> str:
    """Versions, machine and commit, as lines; what cannot be told is left out."""
    try:
        said = json.loads(provenance(**origin()))
    except (FreqoptError, ValueError):
        return ""
    machine = said.pop("machine", {})
    machine.pop("name", None)
    packages = ", ".join(f"{name} {number}" for name, number in said.pop("packages", {}).items())
    lines = {**said, "packages": packages, **machine}
    return "\n".join(f"{name}: {value}" for name, value in lines.items() if value)
