"""Runs a study: what is stored is kept, the rest is computed, on all cores or on many machines."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from freqopt._fields import is_whole
from freqopt._files import as_path, is_file
from freqopt.backends import DEFAULT, backends
from freqopt.errors import BackendError, ResultError, StudyError
from freqopt.experiment.executors import Executor, outcomes
from freqopt.experiment.executors.task import Task, run_all
from freqopt.experiment.grid import Configuration, Point, expand
from freqopt.experiment.results import Store
from freqopt.experiment.store.code import code_hash
from freqopt.experiment.study import Study
from freqopt.experiment.trajectory import Trajectory


@dataclass
class Report:
    """What `simulate` did.

    Attributes
    ----------
    study : str
        Name of the study.
    runs : int
        Distinct runs of the study.
    stored, computed : int
        Found from before; run now.
    replaced : list of str
        Damaged files that were computed anew.
    failed : list of (run, message)
    notices : list of str
        Why runs went to another backend than the one that was asked for, each reason once.
    interrupted : bool
    """

    study: str
    runs: int
    stored: int = 0
    computed: int = 0
    replaced: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    interrupted: bool = False


def simulate(
    study: Study,
    *,
    results: str | Path = "results",
    backend: str = DEFAULT,
    jobs: int | None = None,
    executor: Executor = "local",
    scheduler: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Run what a study asks for and is not stored yet.

    Parameters
    ----------
    study : Study
    results : folder
    backend : str
    jobs : int, optional
        Processes; by default one per core. A backend that takes runs side by side has one.
    executor : {"local", "dask"}
        This machine, or a Dask cluster.
    scheduler : str
        Address of the cluster's scheduler, for "dask".
    progress : callable (done, total)
        Called after every run, and once before the first.

    Returns
    -------
    Report
        A failed run does not stop the others. Ctrl-C ends with `interrupted`; what was finished is
        stored.

    Raises
    ------
    FreqoptError
        Before any work: a study that cannot be run, a folder that cannot be written.
    """
    jobs = (os.cpu_count() or 1) if jobs is None else jobs
    if not is_whole(jobs) or jobs < 1:
        raise StudyError(f"jobs = {jobs!r}: give the number of processes, 1 or more")
    if executor not in get_args(Executor):
        raise StudyError(f"executor = {executor!r}; give one of {', '.join(get_args(Executor))}")
    if scheduler is not None and executor != "dask":
        raise BackendError(
            f"scheduler = {scheduler!r} is of no use to executor = {executor!r}; add --executor "
            "dask, or leave --scheduler out"
        )
    engine = backends[backend]  # an unknown one is refused here, not in every run
    if executor == "local":
        engine()  # and so is one that this machine cannot run
    store = Store(as_path(results, "folder of results", StudyError), backend)
    points = {store.keys.key(point): point for point in expand(study)}
    store.prepare()
    report = Report(study.name, len(points))
    waiting = [(key, point) for key, point in points.items() if not _stored(store, key, report)]
    report.stored = len(points) - len(waiting)
    tell = progress or _silent
    tell(report.stored, report.runs)
    steps: Counter[str] = Counter()
    for _, point in waiting:
        steps[_alike(point)] += point.configuration["steps"]
    code = code_hash(backend)
    tasks = [Task(key, point, study, backend, code, steps[_alike(point)]) for key, point in waiting]
    coming = outcomes(tasks, executor, jobs, scheduler)
    try:
        for done, outcome in enumerate(coming, start=report.stored + 1):
            report.notices = list(dict.fromkeys([*report.notices, *outcome.notices]))
            if outcome.error:
                report.failed.append((_describe(outcome.point), outcome.error))
            else:
                store.put(outcome.key, outcome.content)
                report.computed += 1
            tell(done, report.runs)
    except KeyboardInterrupt:
        report.interrupted = True
    finally:
        coming.close()
    return report


def run_configuration(configuration: Configuration, backend: str = DEFAULT) -> Trajectory:
    """The run that a complete configuration describes."""
    return run_all([configuration], backend)[0]


def _alike(point: Point) -> str:
    """What runs have in common that differ in a rule's numbers, their seed and number."""
    return json.dumps([point.label, point.configuration["problem"]])


def _silent(done: int, total: int) -> None:
    """Progress that nobody follows."""


def _stored(store: Store, key: str, report: Report) -> bool:
    if not is_file(store.path(key)):
        return False
    try:
        store.read(key)
    except ResultError:
        report.replaced.append(store.path(key).name)
        return False
    return True


def _describe(point: Point) -> str:
    axes = ", ".join(f"{path} = {value}" for path, value in point.axes.items())
    return f"{point.label}{', ' if axes else ''}{axes}, run {point.configuration['run']}"
