"""Runs a study: what is stored is kept, the rest is computed, on all cores or on many machines."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from html import escape
from pathlib import Path
from typing import get_args

from freqopt._fields import is_whole
from freqopt._files import as_path
from freqopt.backends import DEFAULT, backends
from freqopt.errors import BackendError, FreqoptError, ResultError, StudyError
from freqopt.experiment.executors import Executor, outcomes
from freqopt.experiment.executors.task import Outcome
from freqopt.experiment.grid import Point, expand
from freqopt.experiment.queue import Queue
from freqopt.experiment.store import durable, members
from freqopt.experiment.store.claims import Claims
from freqopt.experiment.store.database import Database
from freqopt.experiment.store.keys import Keys
from freqopt.experiment.store.members import Member
from freqopt.experiment.store.states import EVERY, path_of
from freqopt.experiment.study import Study

PAUSE = 0.5
"""Seconds from one look at what another sweep has done to the next."""


@dataclass
class StudyRecord:
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
        Damaged files; what was whole in them was saved, the rest is computed anew.
    failed : list of (run, message)
    notices : list of str
        What did not go as it was asked for, each once: runs that went to another backend, damaged
        files, claims that do not hold.
    interrupted : bool
    seconds : float
        From its beginning to its end.
    """

    study: str
    runs: int
    stored: int = 0
    computed: int = 0
    replaced: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    interrupted: bool = False
    seconds: float = 0.0

    def _repr_html_(self) -> str:
        cells = {"runs": self.runs, "found": self.stored, "computed": self.computed,
                 "failed": len(self.failed)}  # fmt: skip
        row = "".join(f"<td>{name} {count}</td>" for name, count in cells.items())
        return f"<table><caption>{escape(self.study)}</caption><tr>{row}</tr></table>"


def simulate(
    study: Study,
    *,
    results: str | Path = "results",
    backend: str = DEFAULT,
    jobs: int | None = None,
    executor: Executor = "local",
    scheduler: str | None = None,
    save_every: float = EVERY,
    progress: Callable[[int, int], None] | None = None,
) -> StudyRecord:
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
    save_every : float
        Seconds between two saves of the state of a run, from which it goes on if it is ended.
    progress : callable (done, total)
        Called after every run, and once before the first.

    Returns
    -------
    StudyRecord
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
    if not isinstance(save_every, int | float) or not save_every > 0:
        raise StudyError(f"save_every = {save_every!r}: give seconds, more than 0")
    engine = backends[backend]  # an unknown one is refused here, not in every run
    if executor == "local":
        engine()  # and so is one that this machine cannot run
    folder = as_path(results, "folder of results", StudyError)
    keys, points, database = Keys(backend), expand(study), Database(folder)
    names = [keys.name(point) for point in points]
    runs = {name.key: (name, point) for name, point in zip(names, points, strict=True)}
    database.prepare()
    belong = [Member(n.key, p.label, p.axes) for n, p in zip(names, points, strict=True)]
    form = members.write(folder, study.name, study.title, keys.computing, belong)
    waiting = [run for key, run in runs.items() if key not in database.segments.places]
    report = StudyRecord(study.name, len(runs), stored=len(runs) - len(waiting))
    report.notices += database.notices
    report.replaced += database.replaced
    tell = progress or _silent
    tell(report.stored, report.runs)
    jobs = min(jobs, len(waiting) or 1)
    with Claims(folder) as claims:
        queue = Queue(waiting, database, claims, backend, jobs, save_every)
        sweep = _Sweep(queue, database, claims, report, tell)
        try:
            while queue.left:
                with closing(outcomes(queue.tasks(), backend, executor, jobs, scheduler)) as coming:
                    for outcome in coming:
                        sweep.take(outcome)
                sweep.wait()
        except KeyboardInterrupt:
            report.interrupted = True
        except FreqoptError:
            with suppress(ResultError):  # of which there is one already
                database.flush()
            raise
        database.flush()
        database.merge()
        there = database.segments.places
        if runs.keys() <= there.keys():
            members.finish(form)
        # An interrupt may have come between a run and its count.
        report.computed = sum(name.key in there for name, _ in waiting) - sweep.found
        report.notices = list(dict.fromkeys([*report.notices, claims.refused, *database.notices]))
    report.notices = [notice for notice in report.notices if notice]
    return report


@dataclass
class _Sweep:
    """What becomes of the outcomes of tasks, as they come."""

    queue: Queue
    database: Database
    claims: Claims
    report: StudyRecord
    tell: Callable[[int, int], None]
    found: int = 0
    """Runs that another sweep has stored meanwhile."""

    def take(self, outcome: Outcome) -> None:
        """Store what is done, note what has failed."""
        report = self.report
        report.notices = list(dict.fromkeys([*report.notices, *outcome.notices]))
        for run, message in outcome.failed:
            report.failed.append((_describe(run.point), message))
            self._tell()
        self.claims.let_go([run.name.key for run, _ in outcome.failed])
        if outcome.done:
            self.queue.took(outcome.done)
            self.database.put(outcome.done, outcome.readings, partial(self._stored, outcome))
        for _ in outcome.done:
            report.computed += 1
            self._tell()

    def wait(self) -> None:
        """Where another sweep is at all that is left, look again a little later."""
        self.report.stored += self.queue.found
        self.found += self.queue.found
        self.queue.found = 0
        self._tell()
        if self.queue.left:
            self.database.flush()
            time.sleep(PAUSE)

    def _stored(self, outcome: Outcome) -> None:
        """Once its runs are on the disk."""
        self.claims.let_go([run.key for run in outcome.done])
        if not outcome.kept:
            trajectories = [run.trajectory for run in outcome.done]
            durable.remove(path_of(self.database.folder, trajectories))

    def _tell(self) -> None:
        report = self.report
        self.tell(report.stored + report.computed + len(report.failed), report.runs)


def _silent(done: int, total: int) -> None:
    """Progress that nobody follows."""


def _describe(point: Point) -> str:
    axes = ", ".join(f"{path} = {value}" for path, value in point.axes.items())
    return f"{point.label}{', ' if axes else ''}{axes}, run {point.run}"
