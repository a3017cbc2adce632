"""Where the runs of a study are done: in this process, in several, or on a cluster."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Literal

from freqopt.backends import backends
from freqopt.experiment.executors.task import Outcome, Task, work

Executor = Literal["local", "dask"]


def outcomes(
    tasks: Sequence[Task], executor: Executor, jobs: int, scheduler: str | None
) -> Generator[Outcome, None, None]:
    """The outcome of every task, in the order in which they come.

    Closing the generator ends all processes that work for it.
    """
    if not tasks:
        return
    if executor == "dask":
        from freqopt.experiment.executors.dask import dask

        yield from dask(tasks, scheduler)
    elif (most := backends[tasks[0].backend].together) > 1:
        from freqopt.experiment.executors.side_by_side import side_by_side

        yield from side_by_side(tasks, most)
    elif min(jobs, len(tasks)) > 1:
        from freqopt.experiment.executors.local import local

        yield from local(tasks, min(jobs, len(tasks)))
    else:
        for task in tasks:
            yield work(task)
