"""One run: a problem, a rule, a number of steps; what happened at the checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from freqopt.backends import Factorised, Simulation, backends
from freqopt.errors import GradientError, StudyError
from freqopt.experiment.build import as_problem, as_rule
from freqopt.experiment.checkpoints import checkpoint_steps
from freqopt.experiment.groups import Groups
from freqopt.experiment.metrics import Checkpoint, Metric, Reading, metrics
from freqopt.experiment.trajectory import Recorder, Trajectory
from freqopt.optimizers import Rule
from freqopt.problems import Problem


def run(
    problem: Problem | str | Mapping[str, Any],
    rule: Rule | str | Mapping[str, Any],
    *,
    steps: int,
    batch: int = 1,
    seed: int = 0,
    run: int = 0,
    dtype: Literal["float64", "float32"] = "float64",
    checkpoints: int | Sequence[int] = 40,
    record: Iterable[str] = ("objective",),
    groups: Groups | None = None,
    factorised: Factorised | None = None,
    backend: str = "numpy",
) -> Trajectory:
    """Run one rule on one problem and record it.

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
    checkpoints : int or sequence of int
        Number of log-spaced checkpoints, or the steps themselves. 0 and `steps` are among them.
    record : iterable of str
        Metrics by name (`freqopt list`) or by path of a file of your own.
    groups : Groups
        Token groups; by default head, middle, tail by shares of 50, 40 and 10 % of the mass.
    factorised : Factorised
        Tables kept as two layers; by default all are plain.
    backend : str
        By name or path. It does not change the numbers.

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
    problem, rule = as_problem(problem), as_rule(rule)
    counts = {"steps": (steps, 0), "batch": (batch, 1), "seed": (seed, 0), "run": (run, 0)}
    for name, (given, least) in counts.items():
        if not isinstance(given, int) or given < least:
            raise StudyError(f"{name} = {given!r}: give a whole number, {least} or more")
    if dtype not in ("float64", "float32"):
        raise StudyError(f"dtype = {dtype!r}: give 'float64' or 'float32'")
    schedule = checkpoint_steps(steps, checkpoints)
    recorded = [metrics[name]() for name in record]
    for metric in recorded:
        metric.check(problem.constants)
    engine = backends[backend]()
    simulation = Simulation.begin(
        problem,
        rule,
        steps=steps,
        batch=batch,
        seed=seed,
        run=run,
        dtype=dtype,
        factorised=factorised,
        track_movement=any(metric.tracks_movement for metric in recorded),
    )
    members = {
        table: (groups or Groups()).members(p) for table, p in problem.constants.frequency.items()
    }
    recorder = Recorder(run)
    diverged_at = None
    for step in schedule:
        if diverged_at is None:
            try:
                engine.advance(simulation, step)
            except GradientError:
                diverged_at = simulation.step
        readings = _measure(recorded, simulation, members, diverged_at is not None)
        recorder.add(step, readings)
    simulation.settle()
    return Trajectory(recorder.columns(), simulation, diverged_at)


def _measure(
    recorded: list[Metric],
    simulation: Simulation,
    members: dict[str, Any],
    diverged: bool,
) -> Iterable[Reading]:
    # Settling for a look must not change what comes: it is done on a copy.
    tables, states = deepcopy((simulation.tables, simulation.states))
    seen = replace(simulation, tables=tables, states=states)
    seen.settle()
    at = Checkpoint(seen.problem, seen.tables, seen.step, simulation.movement, members)
    for metric in recorded:
        if not diverged:
            yield from metric.measure(at)
        elif metric.diverged is not None:
            for reading in metric.measure(at):
                yield reading._replace(value=np.full_like(reading.value, metric.diverged))
    for movement in (simulation.movement or {}).values():
        movement.clear()
