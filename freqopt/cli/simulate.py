"""`freqopt simulate`: run studies and store their results."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from freqopt.backends import DEFAULT
from freqopt.cli import signals
from freqopt.cli.folders import find
from freqopt.cli.whole import WHOLE
from freqopt.errors import StudyError
from freqopt.experiment.execute import StudyRecord
from freqopt.experiment.executors import Executor
from freqopt.experiment.protocol.conduct import conduct
from freqopt.experiment.protocol.plan import plan
from freqopt.experiment.store.states import EVERY
from freqopt.experiment.study import Study
from freqopt.report.terminal import progress, say, say_json, warn

Json = Annotated[bool, Parameter(name="--json")]


def simulate_(
    *studies: str,
    quick: bool = False,
    jobs: Annotated[int | None, WHOLE] = None,
    results: Path = Path("results"),
    backend: str = DEFAULT,
    executor: Executor = "local",
    scheduler: str | None = None,
    save_every: float = EVERY,
    dry_run: bool = False,
    json: Json = False,
) -> int:
    """Run studies and store their results; stored runs are not run again.

    Parameters
    ----------
    studies
        Study files, or names that `freqopt list` shows.
    quick
        Take the values of the study's [quick] table: minutes become seconds.
    jobs
        Processes; by default one per core.
    results
        Folder of the stored results.
    backend
        What computes; the numbers do not depend on it.
    executor
        This machine, or a Dask cluster (extra "dask").
    scheduler
        Address of the Dask scheduler: tcp://host:8786.
    save_every
        Seconds between two saves of the state of a run; one that is ended goes on from there.
    dry_run
        Say how many runs there are and about how long they would take; run and store none.
    json
        Print JSON only.
    """
    if not studies:
        raise StudyError("name a study: freqopt simulate STUDY.toml; `freqopt list` shows some")
    paths = [find("simulations", name) for name in studies]
    if dry_run:
        return _tell_plans(
            paths, quick=quick, json=json, results=results, backend=backend, jobs=jobs
        )
    reports = []
    for path in paths:
        report = simulate_study(
            path, quick=quick, silent=json,
            results=results, backend=backend, jobs=jobs, executor=executor, scheduler=scheduler,
            save_every=save_every,
        )  # fmt: skip
        reports.append(report)
        if report.interrupted:
            break
    if json:
        say_json([describe(report) for report in reports])
    return exit_code(reports)


NO_QUICK = "it has no [quick] table, so that --quick changes nothing"


def _tell_plans(paths: list[Path], *, quick: bool, json: bool, **options: Any) -> int:
    studies = [Study.read(path, quick=quick) for path in paths]
    plans = [plan(study, **options) for study in studies]
    for study in studies:
        if quick and not study.quick:
            warn(f"{study.name}: {NO_QUICK}")
    if json:
        say_json([asdict(one) for one in plans])
        return 0
    for one in plans:
        waiting = one.runs - one.stored
        shared = f" in {one.jobs} processes" if one.jobs > 1 else ""
        runs, left, took = f"{one.runs}", f"{waiting}", _rounded(one.seconds)
        if one.most:
            runs, left = f"{runs} to {one.most}", f"{left} to {one.most - one.stored}"
            took = f"{took} to {_rounded(one.longest)}"
        tail = f": about {took} s{shared}" if waiting else ""
        say(f"{one.study}: {runs} runs, {one.stored} stored, {left} to compute{tail}")
    return 0


def _rounded(seconds: float) -> str:
    return f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}"


def simulate_study(path: Path, *, quick: bool, silent: bool, **options: Any) -> StudyRecord:
    """Run one study file with a progress bar, and say what was done."""
    began = time.monotonic()
    study = Study.read(path, quick=quick)
    with progress(path.stem, silent=silent) as bar:
        report = conduct(study, progress=bar, **options)
    if quick and not study.quick:
        report.notices.append(NO_QUICK)
    report.seconds = time.monotonic() - began
    if not silent:
        say(
            f"{report.study}: {report.runs} runs, {report.stored} found, {report.computed} "
            f"computed in {report.seconds:.1f} s, stored in {options['results']}"
        )
    for notice in report.notices:
        warn(f"{report.study}: {notice}")
    messages: dict[str, list[str]] = {}
    for where, message in report.failed:
        messages.setdefault(message, []).append(where)
    for message, places in messages.items():
        others = f" and {len(places) - 1} more runs" if places[1:] else ""
        warn(f"{report.study}: failed: {places[0]}{others}: {message}")
    if report.interrupted:
        kept = report.stored + report.computed
        warn(
            f"{report.study}: {signals.how()}; {kept} of {report.runs} runs are stored, simulate "
            "again to go on"
        )
    return report


def describe(report: StudyRecord) -> dict[str, Any]:
    """A report as JSON values."""
    failed = [{"run": where, "error": message} for where, message in report.failed]
    return {**asdict(report), "failed": failed}


def exit_code(reports: list[StudyRecord]) -> int:
    """128 + n if interrupted by signal n, 1 if a run failed, else 0."""
    if any(report.interrupted for report in reports):
        return signals.exit_code()
    return int(any(report.failed for report in reports))
