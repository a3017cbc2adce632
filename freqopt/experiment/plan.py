"""What a study would take, before it is run: `freqopt simulate --dry-run`."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from freqopt._files import as_path
from freqopt.backends import DEFAULT
from freqopt.errors import StudyError
from freqopt.experiment.grid import Point, expand
from freqopt.experiment.run import run
from freqopt.experiment.store.keys import Keys
from freqopt.experiment.store.segments import Segments
from freqopt.experiment.study import Study

FIRST = 256
"""Steps of the first trial."""
ENOUGH = 0.3
"""Seconds after which the rest of a run is extrapolated."""


@dataclass(frozen=True)
class Plan:
    """What `simulate` would do.

    Attributes
    ----------
    study : str
        Name of the study.
    runs, stored : int
        Distinct runs of the study, and how many of them are stored.
    steps : int
        Batches of all runs that are not stored.
    jobs : int
        Processes that would share them.
    seconds : float
        An estimate of the wall-clock time from a trial of each rule; reading of data, compiling and
        storing come on top.
    most : int, longest : float
        Of a tuned study, whose trials go on until the best are interior: `runs` and `seconds` are
        for the fewest, these for the most. Else 0.
    """

    study: str
    runs: int
    stored: int
    steps: int
    jobs: int
    seconds: float
    most: int = 0
    longest: float = 0.0


def plan_stage(
    study: Study,
    *,
    results: str | Path = "results",
    backend: str = DEFAULT,
    jobs: int | None = None,
) -> Plan:
    """Count the runs of a plain study, and estimate their time from a short trial of each rule.

    Parameters
    ----------
    study : Study
    results : folder
        Nothing is written to it; it need not exist.
    backend : str
        By name or path.
    jobs : int, optional
        Processes; by default one per core.

    Returns
    -------
    Plan

    Raises
    ------
    FreqoptError
        A study that cannot be run.
    """
    keys, segments = Keys(backend), Segments(as_path(results, "folder of results", StudyError))
    segments.refresh()
    runs = {keys.key(point): point for point in expand(study)}
    waiting = [point for key, point in runs.items() if key not in segments.places]
    jobs = min(jobs or os.cpu_count() or 1, len(waiting) or 1)
    trials: dict[str, float] = {}
    for point in waiting:
        if point.label not in trials:
            trials[point.label] = run_seconds(point, backend)
    seconds = sum(trials[point.label] for point in waiting) / jobs
    steps = sum(point.shared["steps"] for point in waiting)
    return Plan(study.name, len(runs), len(runs) - len(waiting), steps, jobs, seconds)


def run_seconds(point: Point, backend: str) -> float:
    """Of one run: itself if it is short, else a beginning of it, drawn out."""
    given = point.configuration

    def took(steps: int) -> float:
        asked = given["checkpoints"]
        at = [step for step in asked if step <= steps] if isinstance(asked, list) else asked
        began = time.monotonic()
        run(**{**given, "steps": steps, "checkpoints": at}, backend=backend)
        return time.monotonic() - began

    took(1)  # data are read and kernels compiled
    whole = given["steps"]
    steps = min(FIRST, whole)
    seconds = took(steps)
    while steps < whole:  # checkpoints are about as many in each: what is added is steps
        before, fewer = seconds, steps
        steps = min(4 * steps, whole)
        seconds = took(steps)
        if seconds - before > ENOUGH:
            return seconds + (seconds - before) / (steps - fewer) * (whole - steps)
    return seconds
