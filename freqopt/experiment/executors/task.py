"""Some runs of a study as a task: what it needs, what becomes of it, how it is done anywhere."""

from __future__ import annotations

import contextlib
import gc
import json
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from freqopt._interrupts import is_request
from freqopt.backends import Backend, backends
from freqopt.errors import (
    DeviceError,
    FreqoptError,
    Notice,
    ResultError,
    in_words,
    own_mistake,
    short_of_memory,
)
from freqopt.experiment.build import as_problem, as_rule
from freqopt.experiment.config import RunConfig
from freqopt.experiment.grid import Configuration, Point
from freqopt.experiment.run import Recording, advance
from freqopt.experiment.store import rows, states
from freqopt.experiment.store.code import code_hash, versions_that_compute
from freqopt.experiment.store.continuation import Part, continue_from
from freqopt.experiment.store.keys import Name, entries
from freqopt.experiment.store.provenance import provenance
from freqopt.experiment.trajectory import Columns, Trajectory
from freqopt.optimizers import Rule
from freqopt.problems import Problem

if TYPE_CHECKING:
    import pyarrow as pa


class Run(NamedTuple):
    """One run to do.

    Attributes
    ----------
    point : Point
    name : Name
    parts : tuple of Part
        Readings of the same trajectory that are stored.
    states : tuple of Path
        Files with states of it.
    """

    point: Point
    name: Name
    parts: tuple[Part, ...] = ()
    states: tuple[Path, ...] = ()


class Task(NamedTuple):
    """Some runs to do, and the code they are asked of.

    Attributes
    ----------
    runs : tuple of Run
    backend : str
    made_with : tuple
        Hash of the code and the versions of what computes, where the study was begun.
    origin : dict
        The command that asked for them.
    ahead : int
        Steps of all runs of the study like these that are to do.
    folder : Path or None
        Of the results, for states of runs on the way.
    every : float
        Seconds between two saves of those.
    """

    runs: tuple[Run, ...]
    backend: str
    made_with: tuple[str, dict[str, str]]
    origin: dict[str, str]
    ahead: int = 0
    folder: Path | None = None
    every: float = states.EVERY

    @property
    def own_files(self) -> list[str]:
        """The user's files that its runs call."""
        asked = self.runs[0].point.shared
        named = [asked["problem"]["name"], asked["rule"]["name"], *asked["record"]]
        return sorted({one for one in named if one.endswith(".py")})

    @property
    def name(self) -> str:
        """For people and queues: what it is of."""
        return self.runs[0].name.key


class Outcome(NamedTuple):
    """What became of a task.

    Attributes
    ----------
    done : sequence of Stored
    readings : pyarrow.Table or None
        Theirs, below each other.
    failed : list of (Run, message)
    notices : tuple of str
    kept : bool
        Whether the state at the end is to stay on the disk.
    """

    done: Sequence[rows.Stored] = ()
    readings: pa.Table | None = None
    failed: Sequence[tuple[Run, str]] = ()
    notices: tuple[str, ...] = ()
    kept: bool = False


def made_with(backend: str) -> tuple[str, dict[str, str]]:
    """The code and the versions here."""
    return code_hash(backend), versions_that_compute(backend)


def work(task: Task) -> Outcome:
    """A task, in whichever process; an error becomes part of the outcome."""
    if made_with(task.backend) != task.made_with:
        message = (
            "a worker has other source code, or other versions of what computes, than the study "
            "was begun with; simulate again"
        )
        return failed(task, message)
    with noticed() as notices:
        try:
            engine = backends[task.backend]()
            engine.ahead = task.ahead
        except FreqoptError as error:
            return failed(task, str(error))
        if engine.together > 1:
            ends = _by_halves(engine, task)
        else:
            ends = [_at_once(engine, task._replace(runs=(run,))) for run in task.runs]
    columns = [one for end in ends for one in end.columns]
    said = [*notices, *(end.notice for end in ends if end.notice)]
    return Outcome(
        [one for end in ends for one in end.done],
        rows.readings(columns) if columns else None,
        [one for end in ends for one in end.failed],
        tuple(dict.fromkeys(said)),
        all(end.kept for end in ends),
    )


@dataclass
class _End:
    """What became of some runs of a task."""

    done: list[rows.Stored] = field(default_factory=list)
    columns: list[Columns] = field(default_factory=list)
    failed: list[tuple[Run, str]] = field(default_factory=list)
    notice: str = ""
    kept: bool = False


def failed(task: Task, message: str) -> Outcome:
    """The outcome of a task that came to nothing."""
    return Outcome(failed=[(run, message) for run in task.runs])


def _by_halves(engine: Backend, task: Task) -> list[_End]:
    """Runs side by side; if one of them, or memory for so many, fails, they are taken by halves."""
    if len(task.runs) == 1:
        return [_at_once(engine, task)]
    try:
        return [_together(engine, task)]
    except DeviceError as error:
        return [_End(failed=[(run, str(error)) for run in task.runs])]
    except Exception:  # whose it is, and what it says, the last half of one run tells
        pass  # out of here: the error's frames hold the memory that the halves want
    gc.collect()  # and from Python 3.12 on, circles of them
    half = len(task.runs) // 2
    halves = [task._replace(runs=runs) for runs in (task.runs[:half], task.runs[half:])]
    return [end for one in halves for end in _by_halves(engine, one)]


def _at_once(engine: Backend, task: Task) -> _End:
    """`_together`, with an error as part of the end."""
    try:
        return _together(engine, task)
    except FreqoptError as error:
        message = str(error)
    except MemoryError as error:
        message = short_of_memory(error)
    except BaseException as error:  # a bug in one run must not take the others along
        if is_request(error):
            raise
        message = own_mistake(error) or _amiss(error, task) or traceback.format_exc()
    return _End(failed=[(run, message) for run in task.runs])


def _amiss(error: BaseException, task: Task) -> str:
    """The message where the library stumbles over what a user's file gave; empty without one."""
    if not task.own_files:
        return ""
    *_, last = traceback.extract_tb(error.__traceback__)
    where = f"{Path(last.filename).name}, line {last.lineno}"
    return (
        f"{in_words(error)} ({where}), most likely from what {' or '.join(task.own_files)} gives; "
        "`freqopt check` tells what is expected"
    )


def _together(engine: Backend, task: Task) -> _End:
    """Runs from where they stand to their end, their states saved on the way."""
    runs = task.runs
    trajectories = [run.name.trajectory for run in runs]
    keeper = states.Keeper(
        task.folder, trajectories, [run.name.recorded for run in runs], task.every
    )
    recordings = [recording_of(run.point) for run in runs]
    for k, (run, recording) in enumerate(zip(runs, recordings, strict=True)):
        keeper.before[k] = _continued(run, recording, keeper)
    advance(engine, recordings, lambda: keeper.between(recordings))
    kept, took = keeper.end(recordings), keeper.seconds()
    end = _End(notice=keeper.notice, kept=kept)
    for run, recording, seconds in zip(runs, recordings, took, strict=True):
        trajectory = recording.end(engine)
        readings = _readings(trajectory, run.point)
        stored = rows.Stored(
            *run.name,
            provenance=provenance(**task.origin),
            rows=readings["step"].size,
            seconds=seconds,
            diverged_at=trajectory.diverged_at,
            digest=rows.digest(readings),
        )
        end.done.append(stored)
        end.columns.append(readings)
    return end


def _continued(run: Run, recording: Recording, keeper: states.Keeper) -> float:
    """Take over what is known of a run; the seconds that were spent on it before."""
    files = dict.fromkeys([*run.states, *([keeper.path] if keeper.folder else [])])
    found = []
    for path in files:
        if path.is_file():
            try:
                found += states.load(path, run.name.trajectory)
            except ResultError as error:
                keeper.notice = f"the state {path} {error}; its runs begin anew"
    if not found and not run.parts:
        return 0.0
    known = _made(run.point.shared).entries
    return continue_from(recording, run.name.recorded, run.parts, found, known)


def _readings(trajectory: Trajectory, point: Point) -> Columns:
    """A run's rows, each with its metric as it is called in what is stored."""
    known = _made(point.shared).entries
    assert trajectory.entries is not None
    called = trajectory.entries
    if any(name != entry for name, entry in known.items()):
        called = np.array([known[name] for name in called.tolist()])
    columns = {**trajectory.columns, "entry": called}
    if len(sizes := {column.size for column in columns.values()}) > 1:
        raise ValueError(f"a reading has {max(sizes)} values where {min(sizes)} are expected")
    return columns


def recording_of(point: Point) -> Recording:
    """The run of a study before its first step."""
    made = _made(point.shared)
    return Recording(made.problem, made.rule, made.config.model_copy(update={"run": point.run}))


@contextlib.contextmanager
def noticed() -> Iterator[list[str]]:
    """What is said meanwhile, as by a backend that leaves runs to another: once for a study."""
    notices: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", Notice)
        yield notices
    for one in caught:
        if issubclass(one.category, Notice):
            notices.append(str(one.message))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


_last: list[Any] = [None, None]
"""What was made last, and from what: runs of one grid point share it."""


class _Made(NamedTuple):
    """Problem, rule and settings of the runs of a grid point; what its metrics are stored as."""

    problem: Problem
    rule: Rule
    config: RunConfig
    entries: dict[str, str]


def _made(shared: Configuration) -> _Made:
    """What the runs of a grid point share."""
    if _last[0] is not shared:
        settings: dict[str, Any] = dict(shared)
        problem = _problem(json.dumps(settings.pop("problem")))
        rule = as_rule(settings.pop("rule"))
        _last[:] = shared, _Made(problem, rule, RunConfig(**settings), entries(shared["record"]))
    made: _Made = _last[1]
    return made


@lru_cache(maxsize=4)
def _problem(described: str) -> Problem:
    """A problem made once per process: its constants and data serve all runs that share it."""
    return as_problem(json.loads(described))
