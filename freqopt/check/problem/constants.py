"""Stated constants against brute force: curvatures, deviations, the minimum and where it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.check.journal import Journal
from freqopt.check.problem.curvature import are_quadratic, curvature
from freqopt.check.problem.instances import Instance, Tables, copies, line_of

KINKS = 200
"""Entries of a table that are asked whether they are at a kink."""
DRAWS = 1200
"""Samples whose gradients give the deviations."""


def check_constants(at: Instance, notes: Journal) -> None:
    """constants against brute force"""
    # Smoothness is that of single losses, which a problem without samples does not have.
    for part in (_minimum,) if at.draws_nothing else (_minimum, curvature, _deviation):
        if sentence := part(at):
            notes.fault(f"{sentence}{at.where}; {line_of(at.kind, 'constants')}")
            return


# -- the minimum --------------------------------------------------------------------------------


def _minimum(at: Instance) -> str:
    problem, known = at.problem, at.problem.constants
    value, best = known.optimum_value, known.optimum
    if best is not None:
        best = {k: np.asarray(v, np.float64) for k, v in best.items()}
        steep, flat = problem.gradient(best), problem.gradient(next(iter(at.points()))[1])
        scale = max(np.abs(g).max() for g in flat.values()) + 1e-12
        for name, g in steep.items():
            for row, column in _not_flat(at, best, name, g, 1e-7 * scale):
                return (
                    f"constants.optimum is no minimiser: the gradient of objective there is "
                    f"{g[row, column]:.6g} in table {name}, row {row}, column {column}"
                )
        if value is not None:
            there = problem.objective(best)
            if abs(there - value) > 1e-9 * (1 + abs(value)):
                return (
                    f"constants.optimum_value is {value:.12g}, and objective at constants.optimum "
                    f"is {there:.12g}"
                )
    stated = value if value is not None else (problem.objective(best) if best else None)
    if stated is None:
        return ""
    return _descended(at, float(stated))


def _not_flat(
    at: Instance, best: Tables, name: str, g: NDArray[Any], near: float
) -> Iterator[tuple[int, int]]:
    """Entries, the steepest first, along which the objective does not rise on both sides.

    At a kink the gradient is that of one side, and need not be 0.
    """
    for k in np.argsort(-np.abs(g), axis=None)[:KINKS]:
        row, column = map(int, np.unravel_index(k, g.shape))
        if abs(g[row, column]) <= near:
            return
        slopes = []
        for sign in (-1, 1):
            moved = copies(best)
            moved[name][row, column] += sign * 1e-9 * (1 + abs(moved[name][row, column]))
            slopes.append(float(at.problem.gradient(moved)[name][row, column]))
        if slopes[0] > near or slopes[1] < -near:
            yield row, column


def _descended(at: Instance, stated: float) -> str:
    """Descent from several points: f* is not above any, and is where a convex objective ends."""
    from scipy.optimize import minimize

    problem = at.problem
    names = list(problem.shapes)
    ends: list[tuple[float, float]] = []
    for place, tables in at.points():
        if sum(table.size for table in tables.values()) > 20_000:
            return ""

        def split(x: NDArray[Any]) -> Tables:
            ends = np.cumsum([np.prod(problem.shapes[n]) for n in names])[:-1]
            parts = np.split(x, ends)
            return {
                n: part.reshape(problem.shapes[n]) for n, part in zip(names, parts, strict=True)
            }

        def value(x: NDArray[Any]) -> tuple[float, NDArray[Any]]:
            there = split(x)
            g = problem.gradient(there)
            return float(problem.objective(there)), np.concatenate([g[n].ravel() for n in names])

        begin = np.concatenate([tables[n].ravel() for n in names])
        with np.errstate(all="ignore"):
            found = minimize(
                value,
                begin,
                jac=True,
                method="L-BFGS-B",
                options={"maxiter": 300, "ftol": 1e-15, "gtol": 1e-10},
            )
        lowest = float(found.fun)
        slack = 1e-8 * (1 + abs(stated))
        if np.isfinite(lowest) and lowest < stated - slack:
            return (
                f"constants.optimum_value is {stated:.12g}, and descent from a point {place} "
                f"comes to objective {lowest:.12g}, {stated - lowest:.3g} below"
            )
        ends.append((lowest, float(np.abs(value(found.x)[1]).max())))
    convex = bool(at.problem.constants.strong_convexity) or _looks_convex(at)
    settled = [lowest for lowest, slope in ends if slope < 1e-7]
    if convex and len(settled) == len(ends) and np.ptp(settled) < 1e-6 * (1 + abs(stated)):
        lowest = min(settled)
        if lowest > stated + 1e-6 * (1 + abs(stated)):
            return (
                f"constants.optimum_value is {stated:.12g}, and descent from {len(ends)} points of "
                f"a convex objective ends at {lowest:.12g}, {lowest - stated:.3g} above"
            )
    return ""


def _looks_convex(at: Instance) -> bool:
    """Whether no chord between the points that are looked at lies below the objective."""
    places = [tables for _, tables in at.points()]
    for one in places:
        for other in places:
            middle = {n: (one[n] + other[n]) / 2 for n in one}
            f = at.problem.objective
            ends = f(one) / 2 + f(other) / 2
            if f(middle) > ends + 1e-9 * (1 + abs(ends)):
                return False
    return True


# -- deviation ----------------------------------------------------------------------------------


def _deviation(at: Instance) -> str:
    """sigma_k: not below what is measured; where it is the same everywhere, not above it."""
    problem, known = at.problem, at.problem.constants
    if known.deviation is None:
        return ""
    drawn = at.samples(21, DRAWS)
    measured: dict[tuple[str, int], list[tuple[float, float, str]]] = {}
    for place, tables in at.points():
        by_row: dict[tuple[str, int], list[NDArray[Any]]] = {}
        for k in range(DRAWS):
            sparse = problem.gradients(tables, {n: v[k : k + 1] for n, v in drawn.items()})
            for name, (rows, grads) in sparse.items():
                for row in np.unique(rows):
                    got = by_row.setdefault((name, int(row)), [])
                    got.append(np.asarray(grads, np.float64)[rows == row].sum(axis=0))
        for key, got in by_row.items():
            if len(got) >= 30:
                g = np.array(got)
                squares = ((g - g.mean(axis=0)) ** 2).sum(axis=1)
                error = squares.std(ddof=1) / np.sqrt(len(g)) + squares.mean() / len(g)
                size = 1e-20 * float((g * g).sum(axis=1).mean())  # rounding
                measured.setdefault(key, []).append((squares.mean(), error + size, place))
    for (name, row), found in measured.items():
        stated = float(known.deviation[name][row])
        for square, error, place in found:
            if square - stated**2 > 6 * error + 1e-9 * (square + stated**2):
                return (
                    f"constants.deviation of table {name}, row {row} is {stated:.6g}, and its "
                    f"gradients deviate by {np.sqrt(square):.6g} {place}"
                )
    return "" if at.is_bound("deviation") else _too_large(at, measured)


def _too_large(
    at: Instance, measured: dict[tuple[str, int], list[tuple[float, float, str]]]
) -> str:
    for (name, row), found in measured.items():
        assert at.problem.constants.deviation is not None
        stated = float(at.problem.constants.deviation[name][row])
        squares = np.array([square for square, _, _ in found])
        errors = np.array([error for _, error, _ in found])
        same = np.ptp(squares) <= 1e-6 * squares.max()  # the same samples at every point: no chance
        less = (stated**2 - squares > 8 * errors + 0.02 * squares + 1e-12).all()
        if same and less and are_quadratic(at):
            return (
                f"constants.deviation of table {name}, row {row} is {stated:.6g}, and its "
                f"gradients deviate by {np.sqrt(squares[0]):.6g}, the same at all {len(squares)} "
                "points tried"
            )
    return ""
