"""Gradients against finite differences of the losses and of the objective."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.check.journal import Journal
from freqopt.check.problem.instances import Instance, Tables, dense, line_of
from freqopt.streams import Stream

NEAR = 1e-6
"""A gradient may be so far from the differences, relative to its largest entry."""
COARSE = 1e-9
"""A second difference at 1e-6 that is larger is rounding in float32, whose unit is 6e-8."""
STEPS = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5)
"""Of the differences; the two neighbours that agree best are believed."""


def check_slopes(at: Instance, notes: Journal) -> None:
    """gradients and gradient against finite differences"""
    problem = at.problem
    if sentence := _coarse(at):
        notes.fault(f"{sentence}{at.where}")
        return
    for place, tables in at.points():
        for step, batch in ((3, 1), (4, 7), (5, 32)):
            samples = at.samples(step, batch)

            def mean(moved: Tables, samples: Any = samples) -> float:
                return float(np.mean(problem.losses(moved, samples)))

            given = dense(problem.shapes, problem.gradients(tables, samples))
            wrong = disagreement(mean, tables, given)
            if wrong:
                notes.fault(
                    f"gradients is not the gradient of the mean loss: {place}, batch of {batch}, "
                    f"{wrong}{at.where}; {line_of(at.kind, 'gradients')}, or losses"
                )
                return
    for place, tables in at.points():
        wrong = disagreement(problem.objective, tables, problem.gradient(tables))
        if wrong:
            notes.fault(
                f"gradient is not the gradient of objective: {place}, {wrong}{at.where}; "
                f"{line_of(at.kind, 'gradient')}, or objective"
            )
            return


def _coarse(at: Instance) -> str:
    """What loses digits to float32: where the tables move by 1e-6 it goes in steps.

    The second difference of what is smooth is 1e-12 there, and a kink is seldom so near.
    """
    problem, samples = at.problem, at.samples(6, 16)
    _, tables = list(at.points())[1]
    parts: dict[str, Callable[[Tables], Any]] = {
        "losses": lambda moved: problem.losses(moved, samples),
        "gradients": lambda moved: dense(problem.shapes, problem.gradients(moved, samples)),
        "objective": problem.objective,
        "gradient": problem.gradient,
    }
    for method, function in parts.items():
        if all(_steps(function, tables, k) > COARSE for k in range(3)):
            return (
                f"{method} loses digits to float32 though the tables are float64: moved by 1e-6 it "
                f"goes in steps of {_steps(function, tables, 0):.2g} of itself; write "
                f"np.asarray(table, np.float64), and no float32: {line_of(at.kind, method)}"
            )
    return ""


def _steps(function: Callable[[Tables], Any], tables: Tables, k: int) -> float:
    """The second difference along a random direction, relative to the largest number."""
    values = []
    for sign in (-1, 0, 1):
        moved = {}
        for name, table in tables.items():
            along = Stream(13, k, f"direction {name}").normal(0, table.size).reshape(table.shape)
            moved[name] = table + sign * 1e-6 * along
        found = function(moved)
        parts = found.values() if isinstance(found, dict) else [found]
        values.append(np.concatenate([np.ravel(np.asarray(part, np.float64)) for part in parts]))
    before, here, after = values
    size = float(np.abs(here).max(initial=0))
    return float(np.abs(before - 2 * here + after).max(initial=0)) / size if size else 0.0


def disagreement(function: Callable[[Tables], float], tables: Tables, given: Tables) -> str:
    """Where a gradient is not that of a function, and by how much; "" if it is nowhere seen.

    Each table is first moved along a few random directions; what differs there is looked for by
    halves until one entry is left.
    """
    largest = max((float(np.abs(g).max(initial=0)) for g in given.values()), default=0.0)
    for name, table in tables.items():
        for k in range(3):
            signs = Stream(11, k, f"direction {name}").normal(0, table.size).reshape(table.shape)
            scale = float(np.sqrt((given[name] ** 2).sum())) + NEAR * largest
            if not _off(function, tables, name, signs, given[name], scale):
                continue
            at = _worst(function, tables, name, signs, given[name])
            one = np.zeros(table.shape)
            one[at] = 1.0
            slope, _ = _slope(function, tables, name, one)
            is_off = _off(function, tables, name, one, given[name], abs(slope) + NEAR * largest)
            if not is_off:
                continue
            ratio = _ratio(float(given[name][at]), slope)
            return (
                f"table {name}, row {at[0]}, column {at[1]}: it says {given[name][at]:.9g}, the "
                f"differences {slope:.9g}{ratio}{_elsewhere(function, tables, given, name)}"
            )
    return ""


def _off(
    function: Callable[[Tables], float], tables: Tables, name: str, direction: NDArray[Any],
    given: NDArray[Any], scale: float,
) -> float:  # fmt: skip
    """By how much a slope along a direction is off, beyond what differences can tell; 0 if not."""
    slope, doubt = _slope(function, tables, name, direction)
    off = abs(float((given * direction).sum()) - slope)
    if not np.isfinite(off):
        return 0.0 if np.isfinite(given).all() else np.inf
    return off if off > 20 * doubt + NEAR * scale else 0.0


def _slope(
    function: Callable[[Tables], float], tables: Tables, name: str, direction: NDArray[Any]
) -> tuple[float, float]:
    """Derivative along a direction by differences of fourth order, and how far it may be off."""
    length = float(np.abs(direction).max())
    found = []
    for h in STEPS:
        values = []
        for k in (-2, -1, 1, 2):
            moved = {**tables, name: tables[name] + (k * h / length) * direction}
            values.append(function(moved))
        a, b, c, d = values
        found.append(
            (
                length * (a - 8 * b + 8 * c - d) / (12 * h),
                length * max(map(abs, values)) * 4e-16 / h,
            )
        )
    gaps = [abs(x - y) for (x, _), (y, _) in pairwise(found)]
    best = int(np.nanargmin(gaps)) if np.isfinite(gaps).any() else 0
    return found[best + 1][0], gaps[best] + found[best + 1][1]


def _worst(
    function: Callable[[Tables], float], tables: Tables, name: str, signs: NDArray[Any],
    given: NDArray[Any],
) -> tuple[int, int]:  # fmt: skip
    """The entry that is off the most, found by halves."""
    inside = np.arange(signs.size)
    while inside.size > 1:
        halves = np.array_split(inside, 2)
        offs = []
        for half in halves:
            part = np.zeros(signs.shape)
            part.flat[half] = signs.ravel()[half]
            slope, _ = _slope(function, tables, name, part)
            offs.append(abs(float((given * part).sum()) - slope))
        inside = halves[int(offs[1] > offs[0])]
    row, column = np.unravel_index(int(inside[0]), signs.shape)
    return int(row), int(column)


def _ratio(given: float, slope: float) -> str:
    if not slope or not given:
        return ""
    factor = given / slope
    if abs(factor + 1) < 1e-5:
        return " (the sign is wrong)"
    return f" ({factor:.6g} times as much)"


def _elsewhere(
    function: Callable[[Tables], float], tables: Tables, given: Tables, wrong: str
) -> str:
    """Whether the other tables are right."""
    right = []
    for name in tables:
        if name != wrong:
            signs = Stream(12, 0, name).normal(0, tables[name].size).reshape(tables[name].shape)
            scale = float(np.sqrt((given[name] ** 2).sum()))
            if not _off(function, tables, name, signs, given[name], scale):
                right.append(name)
    return f"; table {', '.join(right)} is right" if right else ""
