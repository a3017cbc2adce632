"""What is drawn, against what is said of it: frequencies, the objective, the exact gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from freqopt.check.journal import Journal
from freqopt.check.problem.addresses import shared_words
from freqopt.check.problem.instances import Instance, Tables, dense, line_of
from freqopt.problems import Samples

LEVEL = 1e-7
"""Probability that a right problem fails one of these tests, all its comparisons together."""
STEPS, BATCH = 500, 80
SINGLE = 4000
"""Samples that are looked at one by one, where a sample has several rows."""


def check_draws(at: Instance, notes: Journal) -> None:
    """draws against the stated law"""
    problem = at.problem
    if at.draws_nothing:
        _without_noise(at, notes)
        return
    drawn = problem.draw(11, 0, np.arange(STEPS), BATCH)
    if sentence := _frequencies(at, drawn):
        look = f"{line_of(at.kind, 'draw')}, or constants.frequency"
        notes.fault(f"{sentence}{at.where}; {look}{shared_words(problem)}")
        return
    for place, tables in list(at.points())[:4]:
        if sentence := _means(at, drawn, tables):
            notes.fault(
                f"{place}, over {STEPS * BATCH} draws, {sentence}{at.where}; the sampled and the "
                f"exact text are to say the same: {line_of(at.kind, 'gradient')}, objective, draw"
                f"{shared_words(problem)}"
            )
            return


def _without_noise(at: Instance, notes: Journal) -> None:
    """A sample that is the whole problem has the exact loss and gradient."""
    problem = at.problem
    for place, tables in at.points():
        found = dense(problem.shapes, problem.gradients(tables, {}))
        exact = problem.gradient(tables)
        size = max(float(np.abs(g).max()) for g in exact.values())
        same = all(np.abs(found[n] - g).max() <= 1e-9 * size for n, g in exact.items())
        value = problem.objective(tables)
        if not same or abs(float(np.mean(problem.losses(tables, {}))) - value) > 1e-9 * abs(value):
            notes.fault(
                f"draw gives nothing, so that every sample is the whole problem, and {place} "
                f"gradients and losses are not gradient and objective{at.where}; "
                f"{line_of(at.kind, 'gradients')}"
            )
            return


def _frequencies(at: Instance, drawn: Samples) -> str:
    """Rows counted in the samples against `constants.frequency`."""
    problem, tables = at.problem, next(iter(at.points()))[1]
    whole = {k: v.reshape(-1, *v.shape[2:]) for k, v in drawn.items()}
    total = STEPS * BATCH
    sparse = problem.gradients(tables, whole)
    several = {name for name, (rows, _) in sparse.items() if len(rows) != total}
    seen = {name: np.bincount(rows, minlength=problem.shapes[name][0]).astype(float)
            for name, (rows, _) in sparse.items() if name not in several}  # fmt: skip
    counts = dict.fromkeys(seen, total)
    if several:
        for name in several:
            seen[name], counts[name] = np.zeros(problem.shapes[name][0]), SINGLE
        for k in range(SINGLE):
            alone = problem.gradients(tables, {n: v[k : k + 1] for n, v in whole.items()})
            for name in several:
                seen[name][np.unique(alone[name][0])] += 1
    for name, found in seen.items():
        p, n = problem.constants.frequency[name], counts[name]
        if (p > 1 + 1e-12).any():
            return f"constants.frequency of table {name} has {p.max():.6g}, above 1"
        if name not in several and abs(float(p.sum()) - 1) > 1e-9:
            return (
                f"constants.frequency of table {name} sums to {p.sum():.9g}, and every sample has "
                "one row of it: expected 1"
            )
        if (never := np.flatnonzero((p == 0) & (found > 0))).size:
            return f"row {never[0]} of table {name} is drawn, and its stated frequency is 0"
        often = (p * n >= 25) & (p < 1)
        z = np.zeros(p.size)
        z[often] = (found - n * p)[often] / np.sqrt(n * p * (1 - p))[often]
        sure = (p >= 1) & (found < n)
        limit = -ndtri(LEVEL / (2 * p.size))
        if np.abs(z).max(initial=0) > limit or sure.any():
            k = int(np.flatnonzero(sure)[0]) if sure.any() else int(np.abs(z).argmax())
            return (
                f"row {k} of table {name} comes in {found[k] / n:.5g} of {n} samples, its stated "
                f"frequency is {p[k]:.5g}, {abs(z[k]):.1f} standard deviations away"
            )
        if _rare(p, found, n, ~often & (p < 1)) > limit:
            return (
                f"the rare rows of table {name} come {found[~often].sum():.0f} times in {n} "
                f"samples, expected {n * p[~often].sum():.1f}"
            )
    return ""


def _rare(p: NDArray[Any], found: NDArray[Any], n: int, rare: NDArray[np.bool_]) -> float:
    """z of all rare rows together."""
    q = float(p[rare].sum())
    expected = n * q
    return 0.0 if expected < 25 else abs(float(found[rare].sum()) - expected) / np.sqrt(expected)


def _means(at: Instance, drawn: Samples, tables: Tables) -> str:
    """Means of losses and gradients, and of their differences to another point, against exact ones.

    Of a difference noise that is added cancels, so that it shows what the plain mean hides.
    """
    problem = at.problem
    moved = {
        name: table + 0.37 * np.cos(np.arange(table.size)).reshape(table.shape)
        for name, table in tables.items()
    }
    losses, grads = _sampled(at, drawn, tables), _sampled(at, drawn, moved)
    exact, exact_moved = problem.gradient(tables), problem.gradient(moved)
    value, value_moved = problem.objective(tables), problem.objective(moved)
    for what, sample, true in (
        ("the mean loss", losses[0], value),
        (
            "the mean change of the loss to a second point",
            losses[0] - grads[0],
            value - value_moved,
        ),
    ):
        z = _z(sample[:, None], np.array([true]))
        if abs(z[0]) > -ndtri(LEVEL / 2):
            return (
                f"{what} is {sample.mean():.6g}, by objective {true:.6g}: {abs(z[0]):.1f} standard "
                "deviations away"
            )
    for name in tables:
        plain, change = losses[1][name], losses[1][name] - grads[1][name]
        for what, sampled, truth in (
            ("the mean of gradients", plain, exact[name]),
            (
                "the mean change of gradients to a second point",
                change,
                exact[name] - exact_moved[name],
            ),
        ):
            if sentence := _compared(what, name, sampled, truth, problem.constants.frequency[name]):
                return sentence
    return ""


def _compared(what: str, name: str, sample: Any, true: Any, p: Any) -> str:
    """One table's means (steps, N, d) against the exact ones, entry by entry and along them."""
    often = p * STEPS * BATCH >= 400  # means of fewer are not normal
    along = (sample * true).sum(axis=(1, 2))
    (far,) = _z(along[:, None], np.array([(true * true).sum()])).tolist()
    limit = -ndtri(LEVEL / 2)
    if abs(far) > limit and (true * true).sum() > 0:
        ratio = along.mean() / (true * true).sum()
        return (
            f"{what} of table {name} is {ratio:.5g} times what gradient says, along it "
            f"({abs(far):.1f} standard deviations)"
        )
    flat = sample[:, often].reshape(len(sample), -1)
    if not flat.size:
        return ""
    z = _z(flat, true[often].ravel())
    if np.abs(z).max() > -ndtri(LEVEL / (2 * z.size)):
        k = int(np.abs(z).argmax())
        row = int(np.flatnonzero(often)[k // sample.shape[2]])
        column = k % sample.shape[2]
        return (
            f"{what} in table {name}, row {row}, column {column} is {flat[:, k].mean():.6g}, by "
            f"gradient {true[row, column]:.6g}: {abs(z[k]):.1f} standard deviations away"
        )
    return ""


def _sampled(at: Instance, drawn: Samples, tables: Tables) -> tuple[Any, Tables]:
    """Mean loss (steps,) and dense gradients (steps, N, d) of every step."""
    problem = at.problem
    losses = np.zeros(STEPS)
    grads = {name: np.zeros((STEPS, *shape)) for name, shape in problem.shapes.items()}
    for t in range(STEPS):
        samples = {k: v[t] for k, v in drawn.items()}
        losses[t] = np.mean(problem.losses(tables, samples))
        for name, table in dense(problem.shapes, problem.gradients(tables, samples)).items():
            grads[name][t] = table
    return losses, grads


def _z(sample: NDArray[Any], true: NDArray[Any]) -> NDArray[np.float64]:
    """Standard deviations between means (steps, n) and what they should be; rounding is none."""
    off = sample.mean(axis=0) - true
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    size = np.abs(sample).max(axis=0) + np.abs(true)
    doubt = error + 1e-10 * size
    return np.divide(off, doubt, out=np.zeros_like(off), where=doubt > 0)
