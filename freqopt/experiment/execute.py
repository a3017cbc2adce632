"""Runs a study: what is stored is kept, the rest is computed, on all cores or on many machines."""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import signal
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from freqopt._fields import is_whole
from freqopt.backends import DEFAULT, FallbackWarning, backends
from freqopt.errors import (
    BackendError,
    DeviceError,
    FreqoptError,
    ResultError,
    StudyError,
    own_mistake,
    short_of_memory,
)
from freqopt.experiment.build import as_problem
from freqopt.experiment.grid import Configuration, Point, expand
from freqopt.experiment.results import Store, encode
from freqopt.experiment.run import begin, carry_out
from freqopt.experiment.store.code import code_hash
from freqopt.experiment.study import Study
from freqopt.experiment.trajectory import Trajectory
from freqopt.problems import Problem

Executor = Literal["local", "dask"]


class Outcome(NamedTuple):
    """What became of one run: its file's content, or why there is none."""

    point: Point
    key: str
    content: bytes = b""
    error: str = ""
    notices: tuple[str, ...] = ()


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
    store = Store(Path(results), backend)
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
    outcomes = _outcomes(tasks, min(jobs, len(tasks)), executor, scheduler)
    try:
        for done, outcome in enumerate(outcomes, start=report.stored + 1):
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
        outcomes.close()
    return report


def run_configuration(configuration: Configuration, backend: str = DEFAULT) -> Trajectory:
    """The run that a complete configuration describes."""
    return _run_all([configuration], backend)[0]


def _run_all(
    configurations: Sequence[Configuration], backend: str, ahead: int = 0
) -> list[Trajectory]:
    """The runs that complete configurations describe, side by side; for `ahead` see `Backend`."""
    engine = backends[backend]()
    engine.ahead = ahead
    recordings = []
    for configuration in configurations:
        settings: dict[str, Any] = dict(configuration)
        problem = _problem(json.dumps(settings.pop("problem")))
        recordings.append(begin(engine, problem, settings.pop("rule"), **settings))
    return carry_out(engine, recordings)


@lru_cache(maxsize=4)
def _problem(described: str) -> Problem:
    """A problem made once per process: its constants and data serve all runs that share it."""
    return as_problem(json.loads(described))


def _alike(point: Point) -> str:
    """What runs have in common that differ in a rule's numbers, their seed and number."""
    return json.dumps([point.label, point.configuration["problem"]])


def _silent(done: int, total: int) -> None:
    """Progress that nobody follows."""


def _stored(store: Store, key: str, report: Report) -> bool:
    if not store.path(key).is_file():
        return False
    try:
        store.read(key)
    except ResultError:
        report.replaced.append(store.path(key).name)
        return False
    return True


class Task(NamedTuple):
    """One run to do, and the code it was asked of."""

    key: str
    point: Point
    study: Study
    backend: str
    code: str
    ahead: int = 0
    """Steps of all runs of the study like this one that are to do."""


def _work_together(tasks: Sequence[Task]) -> list[Outcome]:
    """Runs side by side; if one of them, or memory for so many, fails, they are taken by halves."""
    if len(tasks) > 1:
        try:
            with _noticed() as notices:
                done = _run_all([task.point.configuration for task in tasks], tasks[0].backend)
            return [
                Outcome(
                    task.point,
                    task.key,
                    encode(task.point, task.key, task.study, task.backend, trajectory),
                    notices=tuple(notices),
                )
                for task, trajectory in zip(tasks, done, strict=True)
            ]
        except DeviceError as error:
            return [Outcome(task.point, task.key, error=str(error)) for task in tasks]
        except Exception:  # whose it is, and what it says, the last half of one run tells
            pass  # out of here: the error's frames hold the memory that the halves want
        half = len(tasks) // 2
        return [*_work_together(tasks[:half]), *_work_together(tasks[half:])]
    return [_work(task) for task in tasks]


def _groups(tasks: Sequence[Task], most: int) -> Iterator[list[Task]]:
    """Runs that differ in their rule, seed and number only, in the order of their first."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        settings = dict(task.point.configuration)
        for name in ("rule", "seed", "run"):
            settings.pop(name)
        groups.setdefault(json.dumps(settings, sort_keys=True), []).append(task)
    for group in groups.values():
        for first in range(0, len(group), most):
            yield group[first : first + most]


def _in_turn(tasks: Sequence[Task]) -> list[Task]:
    """A run of each rule, then another of each: so processes do not wait for one compilation."""
    of_rule: defaultdict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        of_rule[task.point.label].append(task)
    rounds = zip_longest(*of_rule.values())
    return [task for one_of_each in rounds for task in one_of_each if task is not None]


def _work(task: Task) -> Outcome:
    """One run, in whichever process; an error becomes part of the outcome."""
    key, point, study, backend, code, ahead = task
    if code_hash(backend) != code:
        message = "a worker has other source code than the study was begun with; simulate again"
        return Outcome(point, key, error=message)
    try:
        with _noticed() as notices:
            (trajectory,) = _run_all([point.configuration], backend, ahead)
        content = encode(point, key, study, backend, trajectory)
        return Outcome(point, key, content, notices=tuple(notices))
    except FreqoptError as error:
        return Outcome(point, key, error=str(error))
    except MemoryError as error:
        return Outcome(point, key, error=short_of_memory(error))
    except Exception as error:  # a bug in one run must not take the others along
        return Outcome(point, key, error=own_mistake(error) or traceback.format_exc())


@contextlib.contextmanager
def _noticed() -> Iterator[list[str]]:
    """What a backend says meanwhile about leaving runs to another; the study says it once."""
    notices: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FallbackWarning)
        yield notices
    for one in caught:
        if issubclass(one.category, FallbackWarning):
            notices.append(str(one.message))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def _outcomes(
    tasks: list[Task],
    jobs: int,
    executor: Executor,
    scheduler: str | None,
) -> Generator[Outcome, None, None]:
    """Outcomes in the order in which they come."""
    together = backends[tasks[0].backend].together if tasks else 1
    if executor == "local" and together > 1:
        for group in _groups(tasks, together):
            yield from _work_together(group)
        return
    if executor == "local" and jobs <= 1:
        for task in tasks:
            yield _work(task)
        return
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    calls: Iterable[Any] = (delayed(_work)(task) for task in _in_turn(tasks))
    if executor == "local":
        workers = Parallel(
            n_jobs=jobs,
            batch_size=1,
            return_as="generator_unordered",
            backend="loky",
            initializer=_prepare_worker,
        )
        try:
            yield from workers(calls)
        except TerminatedWorkerError:
            raise ResultError(
                "a worker process was ended from outside, most likely for want of memory; simulate "
                "again with fewer --jobs, finished runs are kept"
            ) from None
        return
    client = _dask_client(scheduler)
    with client, parallel_config(backend="dask"):
        yield from Parallel(return_as="generator_unordered")(calls)


def _prepare_worker() -> None:
    """Ctrl-C goes to every process of a terminal; the parent ends the workers, soon."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit.register(gc.freeze)  # or all that was imported is looked through for garbage, 0.2 s


def _dask_client(scheduler: str | None) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise BackendError(
            "--executor dask needs the package distributed, which is not installed; "
            "install it with pip install 'freqopt[dask]'"
        ) from None
    if scheduler is None:
        raise BackendError(
            "--executor dask needs --scheduler ADDRESS, as `dask scheduler` prints it "
            "(tcp://host:8786)"
        )
    try:
        return Client(scheduler, timeout="10s")
    except OSError as error:
        raise BackendError(
            f"no Dask scheduler answers at {scheduler} ({error}); start one with `dask scheduler`"
        ) from None


def _describe(point: Point) -> str:
    axes = ", ".join(f"{path} = {value}" for path, value in point.axes.items())
    return f"{point.label}{', ' if axes else ''}{axes}, run {point.configuration['run']}"
