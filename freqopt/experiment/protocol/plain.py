"""What a study without [tune] says: every point, best rates, edges, divergences.

Nothing is chosen here that is then reported on other random numbers, and the tables say so.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from freqopt.backends import DEFAULT
from freqopt.experiment.grid import expand
from freqopt.experiment.protocol.compare import last_figures
from freqopt.experiment.protocol.render import Table
from freqopt.experiment.protocol.statistics import interval
from freqopt.experiment.protocol.workloads import where
from freqopt.experiment.results import load
from freqopt.experiment.study import Study


def summary(
    study: Study, *, results: str | Path = "results", backend: str = DEFAULT
) -> tuple[list[Table], list[str]]:
    """Tables "points" and "rates", and a sentence for every best rate at an edge.

    Parameters
    ----------
    study : Study
    results, backend
        As it was simulated.

    Raises
    ------
    ResultError
        Runs are missing.
    """
    table = load(study, results=results, backend=backend)
    runs, last = study.runs, last_figures(table)
    points = expand(study)[::runs]
    rows: list[list[Any]] = []
    best: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for k, point in enumerate(points):
        own = last[k * runs : (k + 1) * runs]
        diverged = sum(not all(map(math.isfinite, one.values())) for one in own)
        rest = {path: value for path, value in point.axes.items() if path != "rule.lr"}
        for number, name in enumerate(dict.fromkeys(name for one in own for name in one)):
            values = np.array([[one.get(name, math.nan) for one in own]])
            mean = float(values.mean())
            rows.append([point.label, where(point.axes).rstrip(", "), name, mean,
                         *interval(values), diverged])  # fmt: skip
            if number == 0 and point.axes.get("rule.lr") is not None:
                at = best.setdefault((point.label, where(rest).rstrip(", ")), [])
                at.append((mean if math.isfinite(mean) else math.inf, point.axes["rule.lr"]))
    if any("rule.lr" in case for case in study.cases):
        best.clear()  # rates that are given with a case are none to choose from
    about = "at the last step, means over runs with intervals of level 0.95; nothing is chosen"
    head = ["rule", "point", "figure", "mean", "low", "high", "diverged"]
    tables, wrong, rates = [Table("points", about, head, rows)], [], []
    for (rule, at_point), found in best.items():
        rate = min(found)[1]
        known = [lr for _, lr in found]
        edge = len(known) > 1 and rate in (min(known), max(known))
        rates.append([rule, at_point, rate, min(found)[0], "yes" if edge else ""])
        if edge:
            place = f"{rule}, {at_point}" if at_point else rule
            wrong.append(
                f"{place}, best rate {rate:g} is at the edge of its "
                "grid; extend the grid, or let [tune] do so"
            )
    about = "best rates by the first figure, chosen on the very runs that are shown"
    tables.append(Table("rates", about, ["rule", "point", "rate", "mean", "edge"], rates))
    return tables, wrong
