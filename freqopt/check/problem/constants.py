"""Stated constants against brute force: curvatures, deviations, the minimum and where it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.check.journal import Journal
from freqopt.check.problem.instances import Instance, Tables, line_of
from freqopt.problems import Samples

SAMPLES = 100
"""Samples whose curvature is computed at each point."""
NUMBERS = 60
"""Numbers that a sample may touch for that."""
DRAWS = 1200
"""Samples whose gradients give the deviations."""


def check_constants(at: Instance, notes: Journal) -> None:
    """constants against brute force"""
    # Smoothness is that of single losses, which a problem without samples does not have.
    for part in (_minimum,) if at.draws_nothing else (_minimum, _curvature, _deviation):
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
            if np.abs(g).max() > 1e-7 * scale:
                row, column = np.unravel_index(int(np.abs(g).argmax()), g.shape)
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


# -- curvature ----------------------------------------------------------------------------------


def _curvature(at: Instance) -> str:
    known = at.problem.constants
    L, mu = known.smoothness, known.strong_convexity
    if L is None and mu is None:
        return ""
    seen = list(_eigenvalues(at))
    if not seen:
        return ""
    most, least = max(e for _, _, e, _ in seen), min(e for _, e, _, _ in seen)
    where = {round(e, 12): place for place, _, e, _ in seen}
    size = max(abs(most), abs(least), 1e-12)
    if L is not None and most > L + 1e-5 * size:
        return (
            f"constants.smoothness is {L:.6g}, and a sample's loss has curvature {most:.6g} "
            f"{where[round(most, 12)]}: it is not {L:.6g}-smooth"
        )
    if mu is not None and least < mu - 1e-5 * size:
        return (
            f"constants.strong_convexity is {mu:.6g}, and a sample's loss has curvature "
            f"{least:.6g} somewhere: it is not {mu:.6g}-strongly convex"
        )
    if not _is_quadratic(seen) or not _all_rows(at):
        return ""
    bound = " ".join(known.notes.values()).lower()
    if L is not None and most + 1e-4 * size < L and "bound" not in bound:
        return (
            f"constants.smoothness is {L:.6g}, and every loss is quadratic with curvature at most "
            f"{most:.6g}: state that (or say in notes that it is an upper bound)"
        )
    if mu is not None and mu < least - 1e-4 * size and "bound" not in bound:
        return (
            f"constants.strong_convexity is {mu:.6g}, and every loss is quadratic with curvature "
            f"at least {least:.6g}: state that (or say in notes that it is a lower bound)"
        )
    return ""


def _eigenvalues(at: Instance) -> Iterator[tuple[str, float, float, int]]:
    """Place, least and largest curvature of one sample's loss in its rows, and which sample."""
    chosen = list(_samples(at))
    for place, tables in at.points():
        for k, sample in enumerate(chosen):
            matrix = _hessian(at, tables, sample)
            if matrix is not None and np.isfinite(matrix).all():
                values = np.linalg.eigvalsh((matrix + matrix.T) / 2)
                yield place, float(values[0]), float(values[-1]), k


def _samples(at: Instance) -> Iterator[Samples]:
    """Single samples with different rows, as far as they are drawn."""
    drawn = at.samples(9, 4000)
    seen: set[tuple[Any, ...]] = set()
    for k in range(4000):
        alone = {n: v[k : k + 1] for n, v in drawn.items()}
        whole = {n: v[k].tobytes() for n, v in drawn.items() if v.dtype.kind in "iu"}
        key = tuple(whole.values()) or (k,)
        if key in seen or len(seen) >= SAMPLES:
            continue
        seen.add(key)
        yield alone


def _hessian(at: Instance, tables: Tables, sample: Samples) -> NDArray[np.float64] | None:
    """Second derivatives of one sample's loss in the rows that it touches; None for many."""
    problem = at.problem
    sparse = problem.gradients(tables, sample)
    entries = [
        (name, int(row), column)
        for name, (rows, _) in sparse.items()
        for row in np.unique(rows)
        for column in range(problem.shapes[name][1])
    ]
    if not entries or len(entries) > NUMBERS:
        return None
    h, matrix = 1e-4, np.zeros((len(entries), len(entries)))
    for j, (name, row, column) in enumerate(entries):
        sides = []
        moved = {**tables, name: tables[name].copy()}
        for sign in (1, -1):
            moved[name][row, column] = tables[name][row, column] + sign * h
            sides.append(_entries(entries, problem.gradients(moved, sample)))
        matrix[:, j] = (sides[0] - sides[1]) / (2 * h)
    return matrix


def _entries(entries: list[tuple[str, int, int]], sparse: Any) -> NDArray[np.float64]:
    """Some entries of a sparse gradient, occurrences added."""
    return np.array(
        [float(sparse[n][1][np.asarray(sparse[n][0]) == r, c].sum()) for n, r, c in entries]
    )


def _is_quadratic(seen: list[tuple[str, float, float, int]]) -> bool:
    """Whether every sample has the same curvatures at every point."""
    by_sample: dict[int, list[tuple[float, float]]] = {}
    for _, least, most, k in seen:
        by_sample.setdefault(k, []).append((least, most))
    size = max(abs(m) for _, _, m, _ in seen) + 1e-12
    return all(np.ptp(np.array(v), axis=0).max() < 1e-6 * size for v in by_sample.values())


def _all_rows(at: Instance) -> bool:
    """Whether the samples that were looked at have every row that can come."""
    tables, problem = next(iter(at.points()))[1], at.problem
    seen = {name: set[int]() for name in problem.shapes}
    for sample in _samples(at):
        for name, (rows, _) in problem.gradients(tables, sample).items():
            seen[name].update(rows.tolist())
    return all(
        set(np.flatnonzero(p > 0).tolist()) <= seen[name]
        for name, p in problem.constants.frequency.items()
    )


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
    return _too_large(at, measured)


def _too_large(
    at: Instance, measured: dict[tuple[str, int], list[tuple[float, float, str]]]
) -> str:
    for (name, row), found in measured.items():
        assert at.problem.constants.deviation is not None
        stated = float(at.problem.constants.deviation[name][row])
        squares = np.array([square for square, _, _ in found])
        errors = np.array([error for _, error, _ in found])
        same = np.ptp(squares) <= 1e-6 * squares.max()  # the same samples at every point: no chance
        if same and (stated**2 - squares > 8 * errors + 0.02 * squares + 1e-12).all():
            return (
                f"constants.deviation of table {name}, row {row} is {stated:.6g}, and its "
                f"gradients deviate by {np.sqrt(squares[0]):.6g}, the same at all {len(squares)} "
                "points tried"
            )
    return ""
