"""Runs in several processes of this machine. A run whose process is killed is tried once more."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Generator, Sequence
from itertools import zip_longest

from freqopt._workers import Lost, spread
from freqopt.experiment.executors.task import Outcome, Task, work

THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS"),
)
"""Variables by which libraries are told of how many threads to have."""


def local(tasks: Sequence[Task], jobs: int) -> Generator[Outcome, None, None]:
    """Outcomes in the order in which they come.

    A process is most often killed for want of memory. So its run is tried again when all others
    are done, with the machine to itself, and only then counts as failed.
    """
    share = str(max(1, (os.cpu_count() or 1) // jobs))
    threads = {name: os.environ.get(name, share) for name in THREADS}
    lost = []
    for task, outcome in spread(work, in_turn(tasks), jobs, environment=threads):
        if isinstance(outcome, Lost):
            lost.append(task)
        else:
            yield outcome
    for task, outcome in spread(work, lost, 1):
        yield _failed(task, outcome) if isinstance(outcome, Lost) else outcome


def in_turn(tasks: Sequence[Task]) -> list[Task]:
    """A run of each rule, then another of each: so processes do not wait for one compilation."""
    of_rule: defaultdict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        of_rule[task.point.label].append(task)
    rounds = zip_longest(*of_rule.values())
    return [task for one_of_each in rounds for task in one_of_each if task is not None]


def _failed(task: Task, lost: Lost) -> Outcome:
    return Outcome(
        task.point,
        task.key,
        error=f"its process {lost.how}, and so when it was tried again alone; that is most often "
        "for want of memory: ask for a smaller problem or batch",
    )
