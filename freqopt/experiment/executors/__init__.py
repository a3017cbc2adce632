"""Where the runs of a study are done: in this process, in several, or on a cluster."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable
from contextlib import redirect_stdout
from typing import Literal

from freqopt.backends import backends
from freqopt.experiment.executors.task import Outcome, Task, work

Executor = Literal["local", "dask"]


def outcomes(
    tasks: Iterable[Task], backend: str, executor: Executor, jobs: int, scheduler: str | None
) -> Generator[Outcome, None, None]:
    """The outcome of every task, in the order in which they come.

    Tasks are taken as there is somebody to do them. Closing the generator ends all processes that
    work for it.
    """
    if executor == "dask":
        from freqopt.experiment.executors.dask import dask

        yield from dask(tasks, scheduler)
    elif jobs > 1 and backends[backend].together == 1:
        from freqopt.experiment.executors.local import local

        yield from local(tasks, jobs)
    else:
        for task in tasks:
            with redirect_stdout(sys.stderr):  # as in a worker: what a rule prints is no result
                outcome = work(task)
            yield outcome
