"""What a step costs: measured when it is asked for, here, in one process, without any reading."""

from __future__ import annotations

import time

from freqopt.backends import backends
from freqopt.experiment.executors.task import recording_of
from freqopt.experiment.grid import Point

FIRST = 64
"""Steps of the first stretch, in which data are read and kernels compiled."""
LONG = 0.05
"""Seconds of a stretch that is long enough."""
REPEATS = 3


def step_seconds(point: Point, backend: str) -> float:
    """Seconds of one step of a run: the least of some stretches, which others disturb least.

    Parameters
    ----------
    point : Point
        A run of a study.
    backend : str
        That computes.
    """
    engine, steps = backends[backend](), min(FIRST, point.shared["steps"])
    engine.ahead = max(engine.ahead, point.shared["steps"])

    def took() -> float:
        simulation = recording_of(point).simulation
        began = time.perf_counter()
        engine.advance_together([simulation], steps)
        return time.perf_counter() - began

    took()
    while (seconds := took()) < LONG and steps < point.shared["steps"]:
        steps = min(4 * steps, point.shared["steps"])
    return min(seconds, *(took() for _ in range(REPEATS - 1))) / steps
