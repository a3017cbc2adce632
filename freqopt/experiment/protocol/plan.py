"""What a study would take, all its stages: how many trials there are only the trials can tell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from freqopt._files import as_path
from freqopt.backends import DEFAULT
from freqopt.errors import StudyError
from freqopt.experiment.grid import Point, expand
from freqopt.experiment.plan import Plan, plan_stage, run_seconds
from freqopt.experiment.protocol.settings import Tune
from freqopt.experiment.protocol.stages import tune, workloads
from freqopt.experiment.results import table_of
from freqopt.experiment.store.keys import Keys
from freqopt.experiment.store.segments import Segments
from freqopt.experiment.study import Study

if TYPE_CHECKING:
    import pyarrow as pa


class _WaitingError(Exception):
    """A stage lacks runs."""

    def __init__(self, stage: Study, points: list[Point], stored: int) -> None:
        self.stage, self.points, self.stored = stage, points, stored


def plan(
    study: Study,
    *,
    results: str | Path = "results",
    backend: str = DEFAULT,
    jobs: int | None = None,
) -> Plan:
    """Count the runs of a study and estimate their time, of a tuned one from the least to the most.

    Parameters
    ----------
    study : Study
    results, backend, jobs
        As `plan_stage` takes them.

    Returns
    -------
    Plan

    Raises
    ------
    FreqoptError
        A study that cannot be run.
    """
    if study.tune is None:
        return plan_stage(study, results=results, backend=backend, jobs=jobs)
    keys, segments = Keys(backend), Segments(as_path(results, "folder of results", StudyError))
    segments.refresh()
    found: dict[str, int] = {}

    def stored(stage: Study) -> pa.Table:
        points = expand(stage)
        names = {keys.key(point) for point in points}
        there = sum(name in segments.places for name in names)
        if there < len(names):
            raise _WaitingError(stage, points, there)
        found[stage.name] = len(names)
        return table_of(stage, results=results, backend=backend)

    try:
        tuned = tune(study, stored)
        for stage in filter(None, (tuned.final, tuned.target)):
            stored(stage)
    except _WaitingError as waiting:
        return _before(study, study.tune, waiting, jobs or os.cpu_count() or 1, backend)
    runs = sum(found.values())
    return Plan(study.name, runs, runs, 0, 1, 0.0)


def _before(study: Study, tune: Tune, at: _WaitingError, jobs: int, backend: str) -> Plan:
    """The plan where a stage is not whole: of trials, or of what they have chosen."""
    searches = len(study.rules) * len(workloads(study))
    made = len(at.points) // (searches * tune.runs)
    are_trials = at.stage.name.endswith("(trials)")
    targets = 2 if study.compare and study.compare.target else 1
    trials = (max(tune.trials, made), max(tune.most, made)) if are_trials else (0, 0)
    least, most = (searches * tune.runs * count for count in trials)
    reported = searches * study.runs
    chosen = study.derived("", rules=at.stage.rules, cases=[], grid={})
    of_trial, of_run = _mean_seconds(at.points, backend), _mean_seconds(expand(chosen), backend)
    took = [
        (max(0, count - at.stored) * of_trial + times * reported * of_run) / jobs
        for count, times in ((least, 1), (most, targets))
    ]
    runs = least + reported
    steps = (runs - at.stored) * study.steps
    most += targets * reported
    return Plan(study.name, runs, at.stored, steps, jobs, took[0], most, took[1])


def _mean_seconds(points: list[Point], backend: str) -> float:
    """Of a run, over the rules: of each its first."""
    first = {point.label: point for point in reversed(points)}
    return sum(run_seconds(point, backend) for point in first.values()) / len(first)
