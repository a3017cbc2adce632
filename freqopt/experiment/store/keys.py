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
from pathlib import Path
from typing import Any, NamedTuple

from freqopt.backends import DEFAULT, backends
from freqopt.experiment.grid import Configuration, Point
from freqopt.experiment.metrics import metrics
from freqopt.experiment.store.code import code_hash, versions_that_compute
from freqopt.experiment.store.own_files import content_hash
from freqopt.optimizers import rules
from freqopt.problems import problems

DIGITS = 32
RECORDED = ("steps", "checkpoints", "record", "groups")
"""Settings that say what is recorded, not what happens."""


class Name(NamedTuple):
    """A run's two names, and the JSON texts that, with the run's number, they are hashes of."""

    key: str
    trajectory: str
    made_by: str
    recorded: str


class Keys:
    """Names the runs of a study; what runs share is written out and hashed once.

    Parameters
    ----------
    backend : str
    """

    def __init__(self, backend: str = DEFAULT) -> None:
        self.backend = backend
        own = backends.outside(backend)
        self._own_backend = own is not None
        self.computing = {
            "backend": Path(backend).stem,
            "own backend": [] if own is None else [content_hash(own)],
            "code": code_hash(backend),
            "versions": versions_that_compute(backend),
        }
        self._shared: dict[int, tuple[Configuration, Any, str, str]] = {}

    def trajectory(self, point: Point) -> str:
        """The name of what happens in a run."""
        return self.name(point).trajectory

    def key(self, point: Point) -> str:
        """The name of what is recorded of a run."""
        return self.name(point).key

    def name(self, point: Point) -> Name:
        """Both names, and what they are hashes of."""
        known = self._shared.get(id(point.shared))
        if known is None or known[0] is not point.shared:
            made_by, recorded = self._made_by(point), as_recorded(point.shared)
            known = (point.shared, hashlib.sha256(made_by.encode()), made_by, recorded)
            self._shared[id(point.shared)] = known
        return Name(*_names(known[1].copy(), point.run, known[3]), known[2], known[3])

    def _made_by(self, point: Point) -> str:
        """All that determines the trajectories of a grid point's runs."""
        settings = {k: v for k, v in point.shared.items() if k not in RECORDED}
        problem, rule = settings["problem"], settings["rule"]
        named = *_problem_files(problem), rules.outside(rule["name"])
        own = [file for file in named if file is not None]
        files = [*own, *point.files]
        if own or self._own_backend or _takes_horizon(rule):
            settings["steps"] = point.shared["steps"]
        settings["problem"], settings["rule"] = (_bare(part, files) for part in (problem, rule))
        hashes = {Path(name).name: content_hash(name) for name in files}
        return json.dumps({**self.computing, "files": hashes, "configuration": settings})


def names_of(made_by: str, run: int, recorded: str) -> tuple[str, str]:
    """The key and the trajectory of a run from what they are hashes of."""
    return _names(hashlib.sha256(made_by.encode()), run, recorded)


def _names(digest: Any, run: int, recorded: str) -> tuple[str, str]:
    digest.update(b" run %d" % run)
    trajectory = digest.hexdigest()[:DIGITS]
    digest.update(recorded.encode())
    return digest.hexdigest()[:DIGITS], trajectory


def as_recorded(settings: Configuration) -> str:
    """All that determines what is recorded of a trajectory, as JSON."""
    return json.dumps(
        {
            "steps": settings["steps"],
            "checkpoints": settings["checkpoints"],
            "record": list(entries(settings["record"]).values()),
            "groups": settings["groups"],
        }
    )


def entries(record: list[str]) -> dict[str, str]:
    """What the metrics of a study are called in what is stored: own files with their hash."""
    return {
        name: f"{Path(name).name} {content_hash(file)[:DIGITS]}" if file else name
        for name in record
        for file in [metrics.outside(name)]
    }


def _problem_files(problem: dict[str, Any]) -> list[str | None]:
    """The user's file of a problem and of the one inside it, if it has one (`full_batch`)."""
    inside = problem.get("of")
    deeper = _problem_files(inside) if isinstance(inside, dict) and "name" in inside else []
    return [problems.outside(problem["name"]), *deeper]


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
