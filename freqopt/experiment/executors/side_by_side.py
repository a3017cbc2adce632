"""Runs side by side in one process, for a backend that takes many at once."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence

from freqopt.errors import DeviceError
from freqopt.experiment.executors.task import Outcome, Task, noticed, run_all, work
from freqopt.experiment.results import encode


def side_by_side(tasks: Sequence[Task], most: int) -> Generator[Outcome, None, None]:
    """Outcomes of all tasks, at most so many of them at once."""
    for group in _groups(tasks, most):
        yield from _together(group)


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


def _together(tasks: Sequence[Task]) -> list[Outcome]:
    """Runs side by side; if one of them, or memory for so many, fails, they are taken by halves."""
    if len(tasks) > 1:
        try:
            with noticed() as notices:
                done = run_all([task.point.configuration for task in tasks], tasks[0].backend)
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
        return [*_together(tasks[:half]), *_together(tasks[half:])]
    return [work(task) for task in tasks]
