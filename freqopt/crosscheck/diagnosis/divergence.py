"""The first divergence as a block of text: where it is, what came, and what is around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.cases.dialects import Case
from freqopt.crosscheck.compare import Divergence, distance
from freqopt.typing import Floats

COLUMNS = 2
"""Columns shown on each side of the one that diverges."""


def block(case: Case, expected: Floats, got: Floats, first: Divergence) -> str:
    """Say where two traces (S + 1, N, d) first part, and show the neighbourhood.

    The block has the case's options off their defaults, the gradients that the row received in that
    step, and the row with those above and below it.
    """
    t, row = first.step, first.row
    width = case.exercise.table.shape[1]
    columns = range(max(0, first.column - COLUMNS), min(width, first.column + COLUMNS + 1))
    ulps = distance(expected, got)[t]
    wrong = np.flatnonzero(ulps.max(axis=1) > 0)
    right = np.setdiff1d(np.arange(len(ulps)), wrong)
    rows, grads = case.exercise.batches[t - 1]
    lines = [
        f"first divergence in {case.name}, {case.exercise.table.dtype}",
        f"  {first}",
        f"  options: {_options(case)}",
        f"  after step {t} rows {_list(wrong)} differ, rows {_list(right)} have equal bits",
        "",
        _line("", "", [f"column {j}" for j in columns]),
    ]
    for k, grad in enumerate(grads[rows == row], start=1):
        lines.append(_line("", f"gradient {k}", [_number(grad[j]) for j in columns]))
    lines.append(_line(f"row {row}", "before", [_number(expected[t - 1, row, j]) for j in columns]))
    for other in range(max(0, row - 1), min(len(ulps), row + 2)):
        right_one, seen = ([_number(x[t, other, j]) for j in columns] for x in (expected, got))
        if not ulps[other, list(columns)].any():
            lines.append(_line(f"row {other}", "as expected", seen))
            continue
        lines.append(_line(f"row {other}", "expected", right_one))
        lines.append(_line("", "got", seen))
        lines.append(_line("", "ULP apart", [f"{ulps[other, j]:.3g}" for j in columns]))
    return "\n".join(lines)


def _options(case: Case) -> str:
    fields = type(case.rule).model_fields
    changed = [
        f"{name} = {getattr(case.rule, name)!r}"
        for name, field in fields.items()
        if getattr(case.rule, name) != field.default
    ]
    return ", ".join(changed) or "all at their defaults"


def _list(rows: NDArray[np.integer]) -> str:
    return ", ".join(map(str, rows.tolist())) or "-"


def _line(row: str, name: str, cells: list[str]) -> str:
    return f"  {row:7} {name:11} " + " ".join(f"{cell:>16}" for cell in cells).rstrip()


def _number(value: np.floating) -> str:
    return f"{value:.9g}"
