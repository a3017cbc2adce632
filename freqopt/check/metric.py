"""Is a metric right: form, definition, and that it changes and remembers nothing?

A metric that has a method ``definition`` is compared with it: the same readings, written plainly.
A reading whose name the library has (``gap``, ``gradient_norm``) is compared with the library's.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from freqopt.backends import Simulation
from freqopt.backends.numpy import NumpyBackend
from freqopt.check.journal import Journal
from freqopt.errors import FreqoptError, StudyError
from freqopt.experiment.groups import Groups
from freqopt.experiment.metrics import Checkpoint, Metric, Reading, metrics
from freqopt.experiment.metrics._form import collect, misformed
from freqopt.optimizers import rules
from freqopt.problems import Constants, Problem, problems
from freqopt.tables import PlainTable

ZEROS, MINIMISER = "tables of zeros", "tables at the minimiser"
UNKNOWN = "whose frequencies alone are known (check(constants) can refuse it with a StudyError)"
NEAR = 1e-9
"""Relative distance of a value from its definition that rounding may make."""
LOST = 1e-2
"""What sums in float32 may lose; what is further off is no rounding."""
Key = tuple[str, str, str, int]


def check_metric(path: Path, notes: Journal) -> None:
    """Read the metric at checkpoints of several problems."""
    with notes.watched("making the metric"):
        kind = metrics[str(path)]
        kind()
        _read(kind, notes)


def _read(kind: type[Metric], notes: Journal) -> None:
    """Its readings everywhere, until something is wrong."""
    seen, refused = 0, []
    for name, problem in _problems():
        metric = kind()
        try:
            metric.check(problem.constants)
        except StudyError as error:
            if name != UNKNOWN:
                refused.append(f"{name}: {error}")
            continue
        for dtype in ("float64", "float32"):
            for place, at in _checkpoints(metric, problem, dtype):
                where = f"problem {name}, {dtype}, {place}"
                with notes.watched(where):
                    if place == "step 0" and (reason := _refusal(metric, at)):
                        refused += [f"{name}: {reason}"] * (name != UNKNOWN)
                        break
                    if sentence := _at(kind, metric, at, place):
                        notes.fault(f"{sentence} ({where}); look at {_line(kind)}")
                if notes.faults:
                    return
                seen += 1
    for reason in refused:
        notes.left(reason)
    if not seen:
        notes.left("any reading: the metric refuses all problems that it is tried on")
        return
    if not hasattr(kind, "definition"):
        notes.left(
            "its definition: write `def definition(self, at)`, the same readings in plain loops, "
            "and it is compared with measure"
        )
    notes.judged(f"readings at {seen} checkpoints")


def _refusal(metric: Metric, at: Checkpoint) -> str:
    """Why a metric takes no such problem, which it may see in the checkpoint alone."""
    try:
        list(metric.measure(at))
    except StudyError as error:
        return str(error)
    return ""


def _problems() -> Iterator[tuple[str, Problem]]:
    yield (
        "token_quadratic",
        problems["token_quadratic"](
            tokens={"kind": "zipf", "size": 12, "exponent": 1.0}, dimension=3
        ),
    )
    few = {"kind": "zipf", "size": 9, "exponent": 1.0}
    yield "pair", problems["pair"](dimension=2, pairs={"kind": "product", "u": few, "v": few})
    yield "surface", problems["surface"]()
    known = problems["token_quadratic"](tokens=few, dimension=2)
    vars(known)["constants"] = Constants(frequency=known.constants.frequency)  # it is cached there
    yield UNKNOWN, known


def _checkpoints(metric: Metric, problem: Problem, dtype: str) -> Iterator[tuple[str, Checkpoint]]:
    """Before the first step, after some, and where a division may find a 0."""
    simulation = Simulation.begin(
        problem,
        rules["sgd"](lr=0.01, momentum=0.5),  # so that there is a state
        steps=20,
        batch=4,
        dtype=dtype,
        track_movement=type(metric).tracks_movement,
    )
    frequency = problem.constants.frequency
    groups = {name: Groups().members(p) for name, p in frequency.items()}
    for step in (0, 1, 20):
        NumpyBackend().advance(simulation, step)
        tables: dict[str, Any] = dict(simulation.tables)
        yield (
            f"step {step}",
            Checkpoint(problem, tables, step, simulation.movement, groups, simulation.states),
        )
    at = Checkpoint(problem, tables, step, simulation.movement, groups, simulation.states)
    yield ZEROS, _with_tables(at, lambda _, table: np.zeros_like(table))
    best = problem.constants.optimum
    if best is not None:
        yield MINIMISER, _with_tables(at, lambda n, t: best[n].astype(t.dtype))


def _with_tables(at: Checkpoint, value: Callable[[str, Any], Any]) -> Checkpoint:
    """The checkpoint with other tables, each made of its name and what it was."""
    tables = {n: PlainTable(value(n, np.array(table))) for n, table in at.tables.items()}
    return Checkpoint(at.problem, tables, at.step, at.movement, at.groups, at.states)


def _at(kind: type[Metric], metric: Metric, at: Checkpoint, place: str) -> str:
    """What is wrong at one checkpoint."""
    before = {name: np.array(values) for name, values in _contents(at)}
    first = _readings(metric, at)
    if isinstance(first, str):
        return first
    for name, values in _contents(at):
        if not np.array_equal(np.array(values), before[name]):
            return f"measure changes {name}; make a copy before writing"
    one = _values(first)
    if isinstance(one, str):
        return one
    if place == ZEROS and (key := next((k for k, v in one.items() if math.isinf(v)), None)):
        return f"{_named(key)} is {one[key]}; say what it is to be there, or yield none"
    random.seed(2)
    np.random.seed(2)  # noqa: NPY002 - what a user's code may depend on
    for other, how in ((kind(), "by a new metric"), (metric, "the second time")):
        again = _readings(other, _afresh(at))
        two = again if isinstance(again, str) else _values(again)
        if isinstance(two, str):
            return two
        if sentence := _apart(one, two, f"measure gives other readings {how}", 0.0):
            return f"{sentence}: only the checkpoint is to decide"
    if place == MINIMISER:  # differences from it are rounding there, and no two texts round alike
        return ""
    wide = _with_tables(at, lambda _, table: table.astype(np.float64))
    if sentence := _narrow(metric, wide, one):
        return sentence
    return _against_library(at, one) or _against_definition(metric, wide, one)


def _contents(at: Checkpoint) -> Iterator[tuple[str, Any]]:
    """All that a metric is given to look at, and is to leave as it is."""
    for name, table in at.tables.items():
        yield f"table {name}", table
    for name, slots in at.states.items():
        yield from ((f"the state {slot} of {name}", values) for slot, values in slots.items())
    for name, groups in at.groups.items():
        yield from ((f"the group {group} of {name}", rows) for group, rows in groups.items())
    for name, movement in (at.movement or {}).items():
        yield from ((f"the movement {what} of {name}", v) for what, v in vars(movement).items())


def _afresh(at: Checkpoint) -> Checkpoint:
    """The checkpoint without what it has computed before."""
    return Checkpoint(at.problem, at.tables, at.step, at.movement, at.groups, at.states)


def _readings(metric: Metric, at: Checkpoint) -> list[Reading] | str:
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            return collect(metric, at)
        except StudyError as error:
            return str(error)


def _values(found: list[Any]) -> dict[Key, float] | str:
    """Readings by name, table, group and token; or what is wrong with one."""
    values: dict[Key, float] = {}
    for reading in found:
        if wrong := misformed(reading):
            return wrong
        name, table, group = reading.metric, reading.table, reading.group
        numbers = np.atleast_1d(np.asarray(reading.value, np.float64))
        tokens = np.full(1, -1) if reading.token is None else np.asarray(reading.token)
        for token, number in zip(tokens.tolist(), numbers.tolist(), strict=True):
            key = (name, table, group, int(token))
            if key in values:
                return (
                    f"measure yields {_named(key)} twice; give the second another name, table or "
                    "group"
                )
            if math.isnan(number):
                return f"{_named(key)} is NaN"
            values[key] = number
    return values


def _named(key: Key) -> str:
    name, table, group, token = key
    parts = [f"table {table}"] * (table != "all") + [f"group {group}"] * (group != "all")
    parts += [f"token {token}"] * (token >= 0)
    return f"reading {name}{f' ({chr(44).join(parts)})' if parts else ''}"


def _apart(one: dict[Key, float], two: dict[Key, float], what: str, near: float) -> str:
    """Where readings differ, and by how much."""
    if set(one) != set(two):
        key = sorted(set(one) ^ set(two))[0]
        return f"{what}: {_named(key)} is there once only"
    size = max((abs(v) for v in two.values() if math.isfinite(v)), default=0.0)
    for key, value in one.items():
        other = two[key]
        if value == other or (math.isnan(value) and math.isnan(other)):
            continue
        if not abs(value - other) <= near * (abs(other) + 1e-3 * size):
            factor = f", {value / other:.6g} times as much" if other else ""
            return f"{what}: {_named(key)} is {value:.9g}, not {other:.9g}{factor}"
    return ""


def _narrow(metric: Metric, wide: Checkpoint, one: dict[Key, float]) -> str:
    """Whether readings lose digits beside those of the same numbers in float64."""
    two = _values(list(metric.measure(wide)))
    if isinstance(two, str) or set(one) != set(two):
        return ""  # it looks at the dtype itself
    said = _apart(one, two, "measure loses digits to float32", NEAR)
    if not said or _apart(one, two, "", LOST):
        return ""
    return f"{said}; write np.asarray(table, np.float64), and sum that"


def _against_library(at: Checkpoint, one: dict[Key, float]) -> str:
    """Readings that have the name of a library's reading mean the same."""
    names = {key[0] for key in one}
    for own in (metrics[name] for name in metrics.own if name != "problem"):
        if own.tracks_movement and at.movement is None:
            continue
        try:
            own().check(at.constants)
            theirs = _values(list(own().measure(at)))
        except FreqoptError:
            continue
        assert not isinstance(theirs, str)
        for name in names & {key[0] for key in theirs}:
            mine = {k: v for k, v in one.items() if k[0] == name and k in theirs}
            known = {k: theirs[k] for k in mine}
            said = f"measure does not give what freqopt means by {name}"
            if sentence := _apart(mine, known, said, 1e-6):
                return f"{sentence}; mend it, or choose another name"
    return ""


def _against_definition(metric: Metric, at: Checkpoint, one: dict[Key, float]) -> str:
    """Readings against the metric's own plain text, if it has one."""
    definition = getattr(metric, "definition", None)
    if definition is None:
        return ""
    found = definition(_afresh(at))
    if isinstance(found, int | float | np.number | np.ndarray) and np.ndim(found) == 0:
        names = {key for key in one if key[1:] == ("all", "all", -1)}
        if len(names) != 1:
            return f"definition gives one number, and measure {len(names)} readings of the whole"
        found = [Reading(next(iter(names))[0], float(found))]
        one = {key: value for key, value in one.items() if key in names}
    two = _values(list(found))
    if isinstance(two, str):
        return f"definition: {two}"
    return _apart(one, two, "measure differs from definition", NEAR)


def _line(kind: type[Metric]) -> str:
    code = kind.measure.__code__
    return f"measure, line {code.co_firstlineno} of {code.co_filename}"
