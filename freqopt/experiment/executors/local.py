"""Runs in several processes of this machine. A run whose process is killed is tried once more."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable

from freqopt._workers import Lost, spread
from freqopt.experiment.executors.task import Outcome, Task, failed, work

THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS"),
)
"""Variables by which libraries are told of how many threads to have."""


def local(tasks: Iterable[Task], jobs: int) -> Generator[Outcome, None, None]:
    """Outcomes in the order in which they come.

    A process is most often killed for want of memory. So its runs are tried again when all others
    are done, one by one with the machine to themselves, and only then does one count as failed.
    """
    share = str(max(1, (os.cpu_count() or 1) // jobs))
    threads = {name: os.environ.get(name, share) for name in THREADS}
    lost: list[Task] = []
    for task, outcome in spread(work, tasks, jobs, environment=threads):
        if isinstance(outcome, Lost):
            lost += [task._replace(runs=(run,)) for run in task.runs]
        else:
            yield outcome
    for task, outcome in spread(work, lost, 1):
        yield _failed(task, outcome) if isinstance(outcome, Lost) else outcome


def _failed(task: Task, lost: Lost) -> Outcome:
    said = f"its process {lost.how}, and so when it was tried again alone"
    own = " and ".join(task.own_files)
    if own and "SIGKILL" not in lost.how:
        return failed(task, f"{said}; look at what {own} call{'s' * (len(task.own_files) == 1)}")
    want = "that is most often for want of memory: ask for a smaller problem or batch"
    return failed(task, f"{said}; {want}")
