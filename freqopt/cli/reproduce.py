"""`freqopt reproduce`: studies, figures, theorem checks, other libraries, and the report of all."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from freqopt.backends import DEFAULT
from freqopt.cli.figures import Results, draw_figure
from freqopt.cli.folders import everything, find
from freqopt.cli.simulate import describe, exit_code, simulate_study
from freqopt.cli.verify import check_theorems
from freqopt.cli.whole import WHOLE
from freqopt.errors import FigureError, FreqoptError
from freqopt.experiment.study import Study
from freqopt.report.agreement_page import absent, page, rows
from freqopt.report.figure import FigureFile
from freqopt.report.html.page import write
from freqopt.report.html.reproduction import Reproduction, sections_of
from freqopt.report.html.study import how_to_repeat, of_study
from freqopt.report.terminal import say, say_json, warn


def reproduce_(
    *,
    full: bool = False,
    out: Path = Path("reproduced"),
    jobs: Annotated[int | None, WHOLE] = None,
    backend: str = DEFAULT,
    json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Run the studies, draw the figures, check the theorems: 6 minutes on two cores, or --full.

    A study that cannot run (its data are an extra that is not installed) is reported, and the
    figures that need it are left out; the exit code is then 2. Guests that are not installed are
    listed in agreement.md; one that does not agree with the reference also makes the exit code 2,
    and so does a theorem that is refuted.

    Parameters
    ----------
    full
        The studies as they are written, not their [quick] form; theorem checks at full size, with
        every planted mistake.
    out
        Folder to write to: `results`, `figures`, `agreement.md`, `theorems.md`, and the report of
        all of it, `report/index.html`, inside it.
    jobs
        Processes; by default one per core.
    backend
        What computes; the numbers do not depend on it.
    json
        Print JSON only.
    """
    if out.exists() and not out.is_dir():
        raise FigureError(f"{out} is no folder; give the name of one with --out")
    began = time.monotonic()
    done, figures = Reproduction(), {}
    for path in everything("figures"):
        try:
            figures[path] = FigureFile.read(path)
        except FreqoptError as error:
            done.failed[f"figure {path.stem}"] = str(error)
    if not figures and not done.failed:
        raise FigureError("there are no figure files here; run in a checkout, or install the wheel")
    done.figures = {figure.name: figure for figure in figures.values()}
    results = Results(out / "results", quick=not full, backend=backend)
    for path, figure in figures.items():
        for name in figure.studies:
            if name not in (*done.studies, *done.failed):
                _simulate(done, name, results, jobs=jobs, silent=json)
            if done.reports and done.reports[-1].interrupted:
                return exit_code(done.reports)
        lacking = [study for study in figure.studies if study in done.failed]
        try:
            if lacking:
                raise FigureError(f"not drawn, because study {lacking[0]} could not run")
            done.written[figure.name] = draw_figure(path, results, out / "figures")
        except FreqoptError as error:
            done.failed[f"figure {figure.name}"] = str(error)
    _judge_guests(done, out / "agreement.md", quick=not full)
    try:
        done.theorems = check_theorems(out / "theorems.md", full=full, jobs=jobs, silent=json)
        done.failed.update(done.theorems.failures)
    except FreqoptError as error:
        done.failed["theorems"] = str(error)
    index = out / "report" / "index.html"
    _report(done, index, results, time.monotonic() - began, full=full)
    _tell(done, index, time.monotonic() - began, json=json)
    return exit_code(done.reports) or (2 if done.failed else 0)


def _simulate(
    done: Reproduction, name: str, results: Results, *, jobs: int | None, silent: bool
) -> None:
    options: dict[str, Any] = {"results": results.folder, "jobs": jobs, "backend": results.backend}
    try:
        path = find("simulations", name)
        done.reports.append(simulate_study(path, quick=results.quick, silent=silent, **options))
        done.studies[name] = Study.read(path, quick=results.quick)
    except FreqoptError as error:
        done.failed[name] = str(error)


def _report(
    done: Reproduction, index: Path, results: Results, seconds: float, *, full: bool
) -> None:
    """Write the page, with what each study says; an edge of a grid is a failure."""
    for name, study in done.studies.items():
        try:
            compared = results.compare(Path(study.source)) if study.compare else None
            section, wrong = of_study(
                study, results.folder, index.parent / "pictures", results.backend,
                quick=not full, compared=compared,
            )  # fmt: skip
            section.add("code", how_to_repeat(study, quick=not full))
            done.sections.append(section)
            if study.tune is not None:
                done.failed.update({f"{name}, choice {k}": w for k, w in enumerate(wrong, 1)})
        except FreqoptError as error:
            done.failed[f"report of {name}"] = str(error)
    form = "full size" if full else "quick form"
    try:
        sections = sections_of(done, index.parents[1], seconds, full=full)
        write(index, f"freqopt reproduced, {form}", sections, quick=not full)
    except FreqoptError as error:
        done.failed[str(index)] = str(error)


def _judge_guests(done: Reproduction, path: Path, *, quick: bool) -> None:
    done.guests = list(rows(quick=quick))
    for row in done.guests:
        if not row.agrees:
            done.failed[f"{row.guest} in {row.dtype}"] = row.divergence
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(done.guests), encoding="utf-8")
    except OSError as error:
        done.failed[str(path)] = f"not written: {error}; choose another folder with --out"


def _tell(done: Reproduction, index: Path, seconds: float, *, json: bool) -> None:
    out = index.parents[1]
    if json:
        reports = [describe(report) for report in done.reports]
        told = {"studies": reports, "written": done.written, "failed": done.failed}
        told["report"] = str(index)
        verdicts = done.theorems.to_dict() if done.theorems else None
        guests = {"agreement": [asdict(row) for row in done.guests], "absent": absent()}
        say_json({**told, **guests, "theorems": verdicts})
        return
    for files in done.written.values():
        for file in files:
            say(file)
    if done.guests:
        agree = sum(row.agrees for row in done.guests)
        say(f"{agree} of {len(done.guests)} lines agree in {out / 'agreement.md'}")
    if done.theorems:
        say(f"{done.theorems.summary} in {out / 'theorems.md'}")
    for line in absent():
        say(line)
    for name, message in done.failed.items():
        warn(f"{name}: {message}")
    runs = sum(report.runs for report in done.reports)
    say(f"{index}: open it in a browser: figures, studies, verdicts, how to repeat each")
    say(f"{runs} runs and {len(done.written)} figures in {out}, {seconds:.0f} s")
