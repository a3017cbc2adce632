"""Stated smoothness and convexity against the curvatures of single losses, by differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.check.problem.instances import Instance, Tables
from freqopt.problems import Samples

SAMPLES = 100
"""Samples whose curvature is computed at each point."""
NUMBERS = 60
"""Numbers that a sample may touch for that."""


def curvature(at: Instance) -> str:
    """What is wrong with the stated smoothness or strong convexity."""
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
    if L is not None and most + 1e-4 * size < L and not at.is_bound("smoothness"):
        return (
            f"constants.smoothness is {L:.6g}, and every loss is quadratic with curvature at most "
            f"{most:.6g}: state that (or say in notes that it is an upper bound)"
        )
    if mu is not None and mu < least - 1e-4 * size and not at.is_bound("strong_convexity"):
        return (
            f"constants.strong_convexity is {mu:.6g}, and every loss is quadratic with curvature "
            f"at least {least:.6g}: state that (or say in notes that it is a lower bound)"
        )
    return ""


def are_quadratic(at: Instance) -> bool:
    """Whether every loss is a parabola, so that its noise is the same at all tables.

    A loss without curvature where it is looked at may have a kink elsewhere.
    """
    seen = list(_eigenvalues(at))
    return bool(seen) and _is_quadratic(seen) and min(most for _, _, most, _ in seen) > 0


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
