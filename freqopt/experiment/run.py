"""One run: a problem, a rule, a number of steps; what happened at the checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from freqopt.backends import DEFAULT, Backend, Factorised, Simulation, backends
from freqopt.errors import GradientError, ResultError
from freqopt.experiment.build import as_factorised, as_groups, as_problem, as_rule
from freqopt.experiment.checkpoints import Checkpoints
from freqopt.experiment.config import RunConfig
from freqopt.experiment.groups import Groups
from freqopt.experiment.metrics import Checkpoint, Metric, Reading, metrics
from freqopt.experiment.metrics._form import collect
from freqopt.experiment.trajectory import Recorder, Trajectory
from freqopt.optimizers import Rule
from freqopt.problems import Problem

FIRST_STRETCH = 1024
SECONDS = 5.0
"""Steps that a run takes at first without a look at the clock; how long a stretch should take."""


def run(
    problem: Problem | str | Mapping[str, Any],
    rule: Rule | str | Mapping[str, Any],
    *,
    steps: int,
    batch: int = 1,
    seed: int = 0,
    run: int = 0,
    dtype: Literal["float64", "float32"] = "float64",
    checkpoints: Checkpoints = 40,
    record: Iterable[str] = ("objective",),
    groups: Groups | Mapping[str, Any] | None = None,
    factorised: Factorised | Mapping[str, Any] | None = None,
    backend: str | Backend = DEFAULT,
) -> Trajectory:
    """Run one rule on one problem and record it.

    A gradient that is not finite ends the run, which is then a result with `diverged_at`.

    Parameters
    ----------
    problem, rule
        An object; a name (with defaults); or a mapping with the key `name` and any fields.
    steps : int
        Batches to take. Rules with a horizon take it from here unless they have their own.
    batch : int
        Samples per step.
    seed, run : int
        Address of the random numbers: same seed and run, same samples, whatever the rule.
    dtype : {"float64", "float32"}
        Of the tables.
    checkpoints : int, sequence of int, or Every
        Number of log-spaced checkpoints; the steps themselves; or one every so many steps. 0 and
        `steps` are among them.
    record : iterable of str
        Metrics by name (`freqopt list`) or by path of a file of your own.
    groups : Groups, or a mapping of its fields
        Token groups; by default head, middle, tail by shares of 50, 40 and 10 % of the mass.
    factorised : Factorised, or a mapping of its fields
        Tables kept as two layers; by default all are plain.
    backend : str or Backend
        By name or path, or one that was made: ``NumbaBackend(patience=0)`` compiles at once,
        however short the run is. It does not change the numbers.

    Returns
    -------
    Trajectory

    Raises
    ------
    FreqoptError
        Bad input, before anything is run.

    Examples
    --------
    >>> trajectory = run("token_quadratic", "sgd", steps=100)
    >>> steps, values = trajectory.curve("objective")
    >>> bool(values[-1] < values[0])
    True
    """
    engine = backend if isinstance(backend, Backend) else backends[backend]()
    config = RunConfig(
        steps=steps, batch=batch, seed=seed, run=run, dtype=dtype, checkpoints=checkpoints,
        record=record, groups=as_groups(groups), factorised=as_factorised(factorised),
    )  # fmt: skip
    return carry_out(engine, [Recording(problem, rule, config)])[0]


class Recording:
    """A run in progress.

    Parameters
    ----------
    problem, rule
        As `run` takes them.
    config : RunConfig

    Attributes
    ----------
    simulation : Simulation
    recorder : Recorder
        What was read so far.
    cleared_at : int
        Step since which movement is summed.
    diverged_at : int or None
    """

    def __init__(
        self,
        problem: Problem | str | Mapping[str, Any],
        rule: Rule | str | Mapping[str, Any],
        config: RunConfig,
    ) -> None:
        problem, rule = as_problem(problem), as_rule(rule)
        self.config, self.schedule = config, config.schedule
        self.metrics = {name: metrics[name]() for name in config.record}
        for metric in self.metrics.values():
            metric.check(problem.constants)
        self.simulation = Simulation.begin(
            problem,
            rule,
            steps=config.steps,
            batch=config.batch,
            seed=config.seed,
            run=config.run,
            dtype=config.dtype,
            factorised=config.factorised,
            track_movement=any(metric.tracks_movement for metric in self.metrics.values()),
        )
        frequency = problem.constants.frequency
        self.members = {table: config.groups.members(p) for table, p in frequency.items()}
        self.recorder, self.cleared_at = Recorder(config.run), 0
        self.diverged_at: int | None = None

    def todo(self, step: int) -> list[str]:
        """Metrics that are not read yet at a checkpoint."""
        return [name for name in self.metrics if (step, name) not in self.recorder.blocks]

    @cached_property
    def _visits(self) -> list[int]:
        """Checkpoints, last first, at which something is to be done from the present step on."""
        last = next((step for step in reversed(self.schedule) if self.todo(step)), -1)
        moving = self.simulation.movement is not None
        ahead = [step for step in self.schedule if self.simulation.step <= step <= last]
        visits = [s for s in ahead if self.todo(s) or (moving and s > self.cleared_at)]
        return visits[::-1]

    @property
    def wanted(self) -> int | None:
        """The checkpoint up to which the run is to be advanced next; None if all is read."""
        return self._visits[-1] if self._visits and self.diverged_at is None else None

    def arrived(self, engine: Backend, refused: GradientError | None) -> None:
        """Look at the simulation, which stands at a checkpoint or before a step that is refused."""
        step = self.simulation.step
        if refused is None:
            self._visits.pop()
            wanted = {name: self.metrics[name] for name in self.todo(step)}
            for name, readings in _measure(wanted, self.simulation, self.members, engine).items():
                self.recorder.add(step, name, readings)
            self.cleared_at = step
            return
        self.diverged_at = step
        last = max(checkpoint for checkpoint in self.schedule if checkpoint <= step)
        for checkpoint in self.schedule:
            for name in self.metrics if checkpoint > last else ():
                readings = self.recorder.blocks.get((last, name), [])
                self.recorder.add(checkpoint, name, _diverged(self.metrics[name], readings))

    def end(self, engine: Backend) -> Trajectory:
        """What became of it; its rows are final."""
        engine.catch_up(self.simulation)
        columns = self.recorder.columns(self.schedule, self.config.record)
        if not columns["step"].size:
            raise ResultError("nothing was recorded; name at least one metric")
        entries = columns.pop("entry")
        return Trajectory(columns, self.simulation, self.diverged_at, entries)


def carry_out(engine: Backend, recordings: Sequence[Recording]) -> list[Trajectory]:
    """Take recordings to their end, all that wait for the same checkpoint together."""
    advance(engine, recordings, lambda: None)
    return [one.end(engine) for one in recordings]


def advance(
    engine: Backend, recordings: Sequence[Recording], between: Callable[[], object]
) -> None:
    """Take recordings to their last checkpoint.

    Parameters
    ----------
    engine : Backend
    recordings : sequence of Recording
    between : callable
        Called every few seconds or more often, when all of them stand between two steps.
    """
    engine.ahead = max([engine.ahead, *(one.config.steps for one in recordings)])
    stretch = FIRST_STRETCH
    while wanted := [one.wanted for one in recordings if one.wanted is not None]:
        until = min(wanted)
        now = [one for one in recordings if one.wanted == until]
        stop = min(until, min(one.simulation.step for one in now) + stretch)
        began = time.monotonic()
        refused = engine.advance_together([one.simulation for one in now], stop)
        stretch = _paced(stretch, time.monotonic() - began)
        for one, error in zip(now, refused, strict=True):
            if error is not None or stop == until:
                one.arrived(engine, error)
        between()


def _paced(stretch: int, took: float) -> int:
    """Steps of the next stretch, after one that took so many seconds."""
    if took > 2 * SECONDS:
        return max(1, stretch // 2)
    return 2 * stretch if took < SECONDS / 2 else stretch


def _measure(
    wanted: dict[str, Metric], simulation: Simulation, members: dict[str, Any], engine: Backend
) -> dict[str, list[Reading]]:
    """The readings of each metric; afterwards movement is summed anew."""
    seen = simulation
    if simulation.lazy:  # catching up for a look must not change what comes: it is done on a copy
        tables, states = deepcopy((simulation.tables, simulation.states))
        seen = replace(simulation, tables=tables, states=states)
        engine.catch_up(seen)
    at = Checkpoint(
        seen.problem, seen.tables, seen.step, simulation.movement, members, seen.states, engine
    )
    with np.errstate(over="ignore", invalid="ignore"):  # a run about to diverge
        readings = {name: collect(metric, at) for name, metric in wanted.items()}
    for movement in (simulation.movement or {}).values():
        movement.clear()
    return readings


def _diverged(metric: Metric, last: list[Reading]) -> list[Reading]:
    """The last readings with the values that the metric has once a run has diverged."""
    if metric.diverged is None:
        return []
    return [r._replace(value=np.full_like(r.value, metric.diverged, np.float64)) for r in last]
