"""What the report says of one study, and of where it was made."""

from __future__ import annotations

import json
from pathlib import Path

from freqopt.backends import DEFAULT
from freqopt.errors import FreqoptError
from freqopt.experiment.protocol.compare import Comparison, compare
from freqopt.experiment.protocol.plain import summary
from freqopt.experiment.store.provenance import origin, provenance
from freqopt.experiment.study import Study
from freqopt.report.html.page import Section
from freqopt.report.html.pictures import draw_figures

PROTOCOL = """Where a study has a table [tune], every rule had the same number of trials over its
rate, its schedule and the study's further axes. Trials have random numbers of their own, and on
data they are measured on validation rows: test rows are no part of the problem that is tuned. The
grid grows by its factor until the best trial of every rule is inside; where it is not, that is an
error below. What was chosen was run again with other random numbers, on data for several splits,
trained on all rows but the test rows and measured on these. Intervals are of level 0.95 by a
bootstrap over splits and over runs inside them; differences are paired, p-values are Wilcoxon's,
corrected by Holm for all rules and workloads of a study, figure by figure: to judge by is the
figure that the rates were chosen by. Steps and seconds to a target are of runs at a rate that was
chosen for that target. A study without [tune] compares nothing that it has chosen: its text
says what its settings are, and its tables show every point."""


def of_study(
    study: Study,
    results: Path,
    out: Path,
    backend: str = DEFAULT,
    *,
    quick: bool = False,
    compared: Comparison | None = None,
) -> tuple[Section, list[str]]:
    """What a report says of a study, and what is wrong with it: choices at an edge.

    Parameters
    ----------
    study : Study
    results, out : Path
        Folder of its results, and of the pictures.
    backend : str
    quick : bool
        Pictures are marked as of the quick form.
    compared : Comparison, optional
        Of this study, if it is known already.
    """
    section = Section(study.title)
    section.add("text", study.description.strip())
    doubts: list[str] = []
    if study.compare is None:
        tables, wrong = summary(study, results=results, backend=backend)
    else:
        found = compared or compare(study, results=results, backend=backend)
        tables, wrong, doubts = found.tables, found.edges, found.doubts
        columns = found["figures"].columns()
        svg = draw_figures(columns, found.metric, out / study.name, study.name, quick=quick)
        section.figure(svg, f"{found.metric} at the last step, intervals of level 0.95.")
    for sentence in wrong:
        section.add("wrong", f"ERROR: {sentence}")
    for sentence in doubts:
        section.add("text", f"DOUBT: {sentence}")
    for table in tables:
        section.table(table)
    return section, wrong


def how_to_repeat(study: Study, *, quick: bool) -> str:
    """The commands that make a study's part of the report anew."""
    form = " --quick" if quick else ""
    return f"freqopt simulate {study.source}{form}\nfreqopt report {study.source}{form}"


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
