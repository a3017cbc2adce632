"""What names a run: everything that its numbers come from, and nothing else.

Two names, both the first 32 hexadecimal digits of a SHA-256:

trajectory
    What happens: problem, rule, batch, seed, run, dtype and factorised tables, complete with their
    defaults; the data files and Python files of the user's own (`own_files.py`); the backend, the
    library's code and the versions of what computes (`code.py`). The number of steps is part of it
    only where the rule takes its horizon from there, or may do so because it is a file.
key
    What is recorded of it: the trajectory, the number of steps, the steps that are looked at, the
    metrics with their own files, and the token groups.

The title, labels, folders and names of files' folders are part of neither.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from freqopt.backends import DEFAULT
from freqopt.experiment.checkpoints import checkpoint_steps
from freqopt.experiment.grid import Configuration, Point
from freqopt.experiment.metrics import metrics
from freqopt.experiment.store.code import code_hash, versions_that_compute
from freqopt.experiment.store.own_files import content_hash
from freqopt.optimizers import rules
from freqopt.problems import problems

DIGITS = 32
RECORDED = ("steps", "checkpoints", "record", "groups")
"""Settings that say what is recorded, not what happens."""


class Keys:
    """Names the runs of a study; what runs share is written out and hashed once.

    Parameters
    ----------
    backend : str
    """

    def __init__(self, backend: str = DEFAULT) -> None:
        self.backend = backend
        own = [backend] if backend.endswith(".py") else []
        self._computing = {
            "backend": Path(backend).stem,
            "own backend": [content_hash(name) for name in own],
            "code": code_hash(backend),
            "versions": versions_that_compute(backend),
        }
        self._shared: dict[int, tuple[Configuration, Any, bytes]] = {}

    def trajectory(self, point: Point) -> str:
        """The name of what happens in a run."""
        return self._named(point)[0]

    def key(self, point: Point) -> str:
        """The name of what is recorded of a run."""
        return self._named(point)[1]

    def _named(self, point: Point) -> tuple[str, str]:
        known = self._shared.get(id(point.shared))
        if known is None or known[0] is not point.shared:
            happens = hashlib.sha256(self._happens(point))
            known = self._shared[id(point.shared)] = (
                point.shared, happens, _recorded(point.shared),
            )  # fmt: skip
        digest = known[1].copy()
        digest.update(b" run %d" % point.run)
        trajectory = digest.hexdigest()[:DIGITS]
        digest.update(known[2])
        return trajectory, digest.hexdigest()[:DIGITS]

    def _happens(self, point: Point) -> bytes:
        """All that determines the trajectories of a grid point's runs."""
        settings = {k: v for k, v in point.shared.items() if k not in RECORDED}
        problem, rule = settings["problem"], settings["rule"]
        named = problems.outside(problem["name"]), rules.outside(rule["name"])
        own = [file for file in named if file is not None]
        files = [*own, *point.files]
        if own or self.backend.endswith(".py") or _takes_horizon(rule):
            settings["steps"] = point.shared["steps"]
        settings["problem"], settings["rule"] = (_bare(part, files) for part in (problem, rule))
        made_by = {
            **self._computing,
            "files": [content_hash(name) for name in files],
            "configuration": settings,
        }
        return json.dumps(made_by).encode()


def _recorded(settings: Configuration) -> bytes:
    """All that determines what is recorded of a trajectory."""
    steps = settings["steps"]
    recorded = [
        [Path(name).name, content_hash(file)] if (file := metrics.outside(name)) else [name]
        for name in settings["record"]
    ]
    schedule = _schedule_hash(steps, json.dumps(settings["checkpoints"]))
    return json.dumps([steps, schedule, recorded, settings["groups"]]).encode()


@lru_cache(maxsize=64)
def _schedule_hash(steps: int, checkpoints: str) -> str:
    """Which steps are looked at, however that was said."""
    schedule = checkpoint_steps(steps, json.loads(checkpoints))
    return hashlib.sha256(json.dumps(schedule).encode()).hexdigest()


def _takes_horizon(rule: dict[str, Any]) -> bool:
    """Whether a rule of the library takes a horizon from the run: it has the field, unset."""
    return "horizon" in rules[rule["name"]].model_fields and rule.get("horizon") is None


def _bare(tree: Any, files: list[str]) -> Any:
    """The tree with files, which the user may move, called by their names without folders."""
    if isinstance(tree, dict):
        return {key: _bare(value, files) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_bare(value, files) for value in tree]
    return Path(tree).name if isinstance(tree, str) and tree in files else tree
