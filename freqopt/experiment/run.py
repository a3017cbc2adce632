"""One run: a problem, a rule, a number of steps; what happened at the checkpoints."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from freqopt._fields import is_whole
from freqopt.backends import DEFAULT, Backend, Factorised, Simulation, backends
from freqopt.errors import GradientError, StudyError
from freqopt.experiment.build import as_factorised, as_groups, as_problem, as_rule
from freqopt.experiment.checkpoints import Checkpoints, checkpoint_steps
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
    checkpoints: Checkpoints = 40,
    record: Iterable[str] = ("objective",),
    groups: Groups | Mapping[str, Any] | None = None,
    factorised: Factorised | Mapping[str, Any] | None = None,
    backend: str = DEFAULT,
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
    engine = backends[backend]()
    recording = begin(
        engine, problem, rule, steps=steps, batch=batch, seed=seed, run=run, dtype=dtype,
        checkpoints=checkpoints, record=record, groups=groups, factorised=factorised,
    )  # fmt: skip
    return carry_out(engine, [recording])[0]


Recording = Generator[tuple[Simulation, int], GradientError | None, Trajectory]
"""A run in progress: yields up to which step it is to be advanced, is sent what refused that."""


def carry_out(engine: Backend, recordings: Sequence[Recording]) -> list[Trajectory]:
    """Take recordings to their end, all that wait for the same step together."""
    asked = {k: next(recording) for k, recording in enumerate(recordings)}
    done: dict[int, Trajectory] = {}
    while asked:
        until = min(step for _, step in asked.values())
        now = {k: simulation for k, (simulation, step) in asked.items() if step == until}
        refused = engine.advance_together(list(now.values()), until)
        for k, error in zip(now, refused, strict=True):
            try:
                asked[k] = recordings[k].send(error)
            except StopIteration as end:
                done[k] = end.value
                del asked[k]
    return [done[k] for k in range(len(recordings))]


def begin(
    engine: Backend,
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
) -> Recording:
    """A run with the options of `run`, for `carry_out`."""
    problem, rule = as_problem(problem), as_rule(rule)
    groups, factorised = as_groups(groups), as_factorised(factorised)
    counts = {"steps": (steps, 0), "batch": (batch, 1), "seed": (seed, 0), "run": (run, 0)}
    for name, (given, least) in counts.items():
        if not is_whole(given) or not least <= given < 2**63:
            raise StudyError(
                f"{name} = {given!r}: give a whole number, {least} or more and below 2^63"
            )
    if dtype not in ("float64", "float32"):
        raise StudyError(f"dtype = {dtype!r}: give 'float64' or 'float32'")
    schedule = checkpoint_steps(int(steps), checkpoints)
    recorded = [metrics[name]() for name in _names(record)]
    for metric in recorded:
        metric.check(problem.constants)
    simulation = Simulation.begin(
        problem,
        rule,
        steps=int(steps),
        batch=int(batch),
        seed=int(seed),
        run=int(run),
        dtype=dtype,
        factorised=factorised,
        track_movement=any(metric.tracks_movement for metric in recorded),
    )
    engine.ahead = max(engine.ahead, int(steps))
    members = {table: groups.members(p) for table, p in problem.constants.frequency.items()}
    recorder, readings, diverged_at = Recorder(run), [], None
    for step in schedule:
        if diverged_at is None:
            if (yield simulation, step) is None:
                readings = _measure(recorded, simulation, members, engine)
            else:
                diverged_at = simulation.step
                readings = _diverged(recorded, readings)
        for of_metric in readings:
            recorder.add(step, of_metric)
    engine.settle(simulation)
    return Trajectory(recorder.columns(), simulation, diverged_at)


def _names(record: Any) -> list[str]:
    """The metrics to record: at least one, each once."""
    names = [record] if isinstance(record, str) else record
    names = list(names) if isinstance(names, Iterable) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise StudyError(
            f"record = {record!r}: give the names of at least one metric; known: "
            f"{', '.join(metrics)}"
        )
    return list(dict.fromkeys(names))


def _measure(
    recorded: list[Metric], simulation: Simulation, members: dict[str, Any], engine: Backend
) -> list[list[Reading]]:
    """The readings of each metric."""
    # Settling for a look must not change what comes: it is done on a copy.
    tables, states = deepcopy((simulation.tables, simulation.states))
    seen = replace(simulation, tables=tables, states=states)
    engine.settle(seen)
    at = Checkpoint(seen.problem, seen.tables, seen.step, simulation.movement, members)
    with np.errstate(over="ignore", invalid="ignore"):  # a run about to diverge
        readings = [list(metric.measure(at)) for metric in recorded]
    for movement in (simulation.movement or {}).values():
        movement.clear()
    return readings


def _diverged(recorded: list[Metric], last: list[list[Reading]]) -> list[list[Reading]]:
    """The last readings with the values that each metric has once a run has diverged."""
    return [
        [
            reading._replace(value=np.full_like(reading.value, metric.diverged))
            for reading in of_metric
        ]
        for metric, of_metric in zip(recorded, last, strict=True)
        if metric.diverged is not None
    ]
