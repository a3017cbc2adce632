"""One run of a study as a task: what it needs, what becomes of it, and how it is done anywhere."""

from __future__ import annotations

import contextlib
import json
import traceback
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from freqopt.backends import FallbackWarning, backends
from freqopt.errors import FreqoptError, own_mistake, short_of_memory
from freqopt.experiment.build import as_problem
from freqopt.experiment.grid import Configuration, Point
from freqopt.experiment.results import encode
from freqopt.experiment.run import begin, carry_out
from freqopt.experiment.store.code import code_hash
from freqopt.experiment.study import Study
from freqopt.experiment.trajectory import Trajectory
from freqopt.problems import Problem


class Task(NamedTuple):
    """One run to do, and the code it was asked of."""

    key: str
    point: Point
    study: Study
    backend: str
    code: str
    ahead: int = 0
    """Steps of all runs of the study like this one that are to do."""


class Outcome(NamedTuple):
    """What became of one run: its file's content, or why there is none."""

    point: Point
    key: str
    content: bytes = b""
    error: str = ""
    notices: tuple[str, ...] = ()


def work(task: Task) -> Outcome:
    """One run, in whichever process; an error becomes part of the outcome."""
    key, point, study, backend, code, ahead = task
    if code_hash(backend) != code:
        message = "a worker has other source code than the study was begun with; simulate again"
        return Outcome(point, key, error=message)
    try:
        with noticed() as notices:
            (trajectory,) = run_all([point.configuration], backend, ahead)
        content = encode(point, key, study, backend, trajectory)
        return Outcome(point, key, content, notices=tuple(notices))
    except FreqoptError as error:
        return Outcome(point, key, error=str(error))
    except MemoryError as error:
        return Outcome(point, key, error=short_of_memory(error))
    except (Exception, SystemExit) as error:  # a bug in one run must not take the others along
        return Outcome(point, key, error=own_mistake(error) or traceback.format_exc())


def run_all(
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


@contextlib.contextmanager
def noticed() -> Iterator[list[str]]:
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


@lru_cache(maxsize=4)
def _problem(described: str) -> Problem:
    """A problem made once per process: its constants and data serve all runs that share it."""
    return as_problem(json.loads(described))
