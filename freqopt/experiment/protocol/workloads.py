"""Workloads of a tuned study: points of its grid but for splits, which are repetitions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from freqopt.experiment.grid import Point, expand
from freqopt.experiment.protocol.searching import Choice
from freqopt.experiment.study import Study

SPLIT = "held_out.seed"


def where(workload: dict[str, Any]) -> str:
    """A workload in a sentence, or nothing."""
    return "".join(f"{path.rpartition('.')[2]} = {_short(v)}, " for path, v in workload.items())


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in value.values())
    return f"{value:g}" if isinstance(value, float) else str(value)


def key(one: Choice) -> str:
    """A choice's workload without its split."""
    return json.dumps(
        {path: v for path, v in one.workload.items() if not path.endswith(SPLIT)}, default=str
    )


def by_workload(choices: Sequence[Choice]) -> Iterator[tuple[str, list[int]]]:
    """(name of a workload, numbers of the choices on it)."""
    known: dict[str, list[int]] = {}
    for k, one in enumerate(choices):
        known.setdefault(key(one), []).append(k)
    for workload, numbers in known.items():
        yield where(json.loads(workload)).rstrip(", "), numbers


def point(study: Study, choice: Choice) -> Point:
    """The first run of what was chosen, as it is reported."""
    (entry,) = (one for one in study.rules if one.title == choice.rule)
    entry = entry.model_copy(update={"cases": [{**choice.workload, **choice.values}]})
    return expand(study.derived("", rules=[entry], cases=[], grid={}, runs=1))[0]
