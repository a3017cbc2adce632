"""Time to a target: steps and seconds to what the reference ends with, and the profile of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from freqopt.experiment.protocol.clock import step_seconds
from freqopt.experiment.protocol.render import Table
from freqopt.experiment.protocol.searching import Curve, first_at
from freqopt.experiment.protocol.stages import Tuned, blocks
from freqopt.experiment.protocol.statistics import interval, profile
from freqopt.experiment.protocol.workloads import by_workload, point

if TYPE_CHECKING:
    import pyarrow as pa

FACTORS = (1.0, 1.25, 1.5, 2.0, 3.0, 5.0)
HEAD = ["workload", "rule", "target", "reached", "steps", "times fewer steps", "low", "high",
        "seconds", "times less time"]  # fmt: skip
Doubles = NDArray[np.float64]


def times(
    tuned: Tuned, final: pa.Table, target: pa.Table, metric: str, backend: str
) -> tuple[Table, Table]:
    """Tables "steps" and "profile".

    Parameters
    ----------
    tuned : Tuned
    final, target : pa.Table
        Of its stages.
    metric : str
        That has a target.
    backend : str
        Whose steps are timed.
    """
    study = tuned.study
    reference = study.compare.reference if study.compare else ""
    ends, runs = blocks(final, metric), blocks(target, metric)
    rules, costs = [entry.title for entry in study.rules], []
    rows: list[list[Any]] = []
    for workload, numbers in by_workload(tuned.choices):
        of_rule = {r: [k for k in numbers if tuned.choices[k].rule == r] for r in rules}
        ended = [_runs_of(ends, k, study.runs) for k in of_rule[reference]]
        goals = np.array([[values[-1] for _, values in of_split] for of_split in ended])
        taken = {rule: _taken(runs, of_rule[rule], goals) for rule in rules}
        itself = _taken(ends, of_rule[reference], goals)  # it is there at its own end at last
        taken[reference] = np.minimum(taken[reference], itself)
        costs.append([float(np.median(taken[rule])) for rule in rules])
        second = {
            rule: step_seconds(point(study, tuned.to_target[of_rule[rule][0]]), backend)
            for rule in rules
        }
        for rule in rules:
            reached, steps = float(np.isfinite(taken[rule]).mean()), float(np.median(taken[rule]))
            with np.errstate(invalid="ignore", divide="ignore"):
                ratio = np.log(taken[reference]) - np.log(taken[rule])
            fewer = float(np.exp(np.median(ratio))) if reached > 0.5 else math.nan
            low, high = (math.exp(v) for v in interval(ratio))
            less = fewer * second[reference] / second[rule]
            rows.append([workload, rule, float(goals.mean()), reached, steps, fewer, low, high,
                         steps * second[rule], less])  # fmt: skip
    about = (
        f"to what {reference} ends with in the same run, each rule at the rate that is there "
        "first; seconds are steps times the time of one, measured with this table in one process "
        "of this machine, readings left out"
    )
    shares = profile(np.array(costs).T, np.array(FACTORS))
    return Table("steps", about, HEAD, rows), Table(
        "profile",
        "share of workloads on which a rule needs at most so many times the fewest steps",
        ["rule", *(f"{factor:g}" for factor in FACTORS)],
        [[rule, *share] for rule, share in zip(rules, shares.tolist(), strict=True)],
    )


def _taken(curves: list[Curve], numbers: list[int], goals: Doubles) -> Doubles:
    """Steps (splits, runs) to what the reference ended with on the same split, in the same run."""
    return np.array(
        [
            [
                first_at(*curve, goal)
                for curve, goal in zip(_runs_of(curves, k, len(own)), own, strict=True)
            ]
            for k, own in zip(numbers, goals, strict=True)
        ]
    )


def _runs_of(curves: list[Curve], k: int, runs: int) -> list[Curve]:
    return curves[k * runs : (k + 1) * runs]
