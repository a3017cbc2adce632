"""Can a study be run: is all that it names there, does each rule take its first steps?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from freqopt.check.journal import Journal
from freqopt.errors import FreqoptError, own_mistake
from freqopt.experiment.build import as_factorised, as_problem, as_rule
from freqopt.experiment.grid import Point, expand
from freqopt.experiment.run import run
from freqopt.experiment.study import Study

STEPS = 3
"""Batches of a trial."""
TRIALS = 24
"""Configurations that are tried, spread over the study."""


def check_study(path: Path, notes: Journal) -> None:
    """Read it, as it is and with its quick values, expand every run, and try some."""
    for quick in (False, True):
        what = "the study with its [quick] values" if quick else "the study"
        notes.doing(f"reading {what}")
        try:
            study = Study.read(path, quick=quick)
            if quick and not study.quick:
                continue
            points = expand(study)
        except FreqoptError as error:
            notes.fault(str(error))
            return
        notes.judged(f"{what}: {len(points)} runs, each with its rule, problem and metrics")
    chosen = _spread(points)
    for point in chosen:
        notes.doing(f"the first steps of rule {point.label}")
        if sentence := _tried(point):
            notes.fault(f"{path.name}: rule {point.label}: {sentence}")
            return
    notes.judged(f"the first {STEPS} steps of {len(chosen)} configurations")


def _spread(points: list[Point]) -> list[Point]:
    """Run 0 of configurations: the first of every rule, and others at equal distances."""
    first = {point.label: point for point in reversed(points) if point.run == points[0].run}
    own = [point for point in points if point.run == points[0].run]
    others = own[:: max(1, len(own) // TRIALS)]
    return list({id(p): p for p in (*first.values(), *others)}.values())[:TRIALS]


def _tried(point: Point) -> str:
    """What goes wrong in a run of few steps."""
    about: dict[str, Any] = dict(point.shared)
    problem, rule = dict(about["problem"]), dict(about["rule"])
    rule.pop("dialect", None)
    try:
        run(
            as_problem(problem),
            as_rule(rule),
            steps=STEPS,
            batch=about["batch"],
            seed=about["seed"],
            dtype=about["dtype"],
            checkpoints=[0, 1, STEPS],
            record=about["record"],
            groups=about["groups"],
            factorised=as_factorised(about.get("factorised")),
            backend="numpy",
        )
    except Exception as error:
        return own_mistake(error) or f"{error}"
    return ""
