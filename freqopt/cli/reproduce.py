"""`freqopt reproduce`: every study that a figure needs, then every figure."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from freqopt.backends import DEFAULT
from freqopt.cli.figures import Results, draw_figure
from freqopt.cli.folders import everything, find
from freqopt.cli.simulate import describe, exit_code, simulate_study
from freqopt.errors import FigureError, FreqoptError
from freqopt.experiment.execute import Report
from freqopt.report.figure import FigureFile
from freqopt.report.terminal import say, say_json, warn


@dataclass
class Reproduction:
    """What came of it."""

    reports: list[Report] = field(default_factory=list)
    written: dict[str, list[str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def reproduce_(
    *,
    full: bool = False,
    out: Path = Path("reproduced"),
    jobs: int | None = None,
    backend: str = DEFAULT,
    json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Run the studies and draw the figures: under 3 minutes on two cores, or --full.

    A study that cannot run (its data are an extra that is not installed) is reported, and the
    figures that need it are left out; the exit code is then 2.

    Parameters
    ----------
    full
        The studies as they are written, not their [quick] form.
    out
        Folder to write to: `results` and `figures` inside it.
    jobs
        Processes; by default one per core.
    backend
        What computes; the numbers do not depend on it.
    json
        Print JSON only.
    """
    began = time.monotonic()
    done, figures = Reproduction(), {}
    for path in everything("figures"):
        try:
            figures[path] = FigureFile.read(path)
        except FreqoptError as error:
            done.failed[f"figure {path.stem}"] = str(error)
    if not figures and not done.failed:
        raise FigureError("there are no figure files here; run in a checkout, or install the wheel")
    results = Results(out / "results", quick=not full, backend=backend)
    options: dict[str, Any] = {"results": results.folder, "jobs": jobs, "backend": backend}
    for name in sorted({study for figure in figures.values() for study in figure.studies}):
        try:
            path = find("simulations", name)
            done.reports.append(simulate_study(path, quick=not full, silent=json, **options))
        except FreqoptError as error:
            done.failed[name] = str(error)
            continue
        if done.reports[-1].interrupted:
            return 130
    for path, figure in figures.items():
        lacking = [study for study in figure.studies if study in done.failed]
        try:
            if lacking:
                raise FigureError(f"not drawn, because study {lacking[0]} could not run")
            done.written[figure.name] = draw_figure(path, results, out / "figures")
        except FreqoptError as error:
            done.failed[f"figure {figure.name}"] = str(error)
    _tell(done, out, time.monotonic() - began, json=json)
    return exit_code(done.reports) or (2 if done.failed else 0)


def _tell(done: Reproduction, out: Path, seconds: float, *, json: bool) -> None:
    if json:
        reports = [describe(report) for report in done.reports]
        say_json({"studies": reports, "written": done.written, "failed": done.failed})
        return
    for files in done.written.values():
        for file in files:
            say(file)
    for name, message in done.failed.items():
        warn(f"{name}: {message}")
    runs = sum(report.runs for report in done.reports)
    say(f"{runs} runs and {len(done.written)} figures in {out}, {seconds:.0f} s")
