"""From a study to its runs: every point of the grid as a complete, plain configuration.

A configuration is a dict of JSON values that says everything about one run, defaults included:
problem and rule with all fields, steps, batch, seed, run, dtype, checkpoints, record, groups.
Nothing else enters a run but the files that it names (`store/keys.py`).
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqopt.backends import Simulation
from freqopt.errors import FreqoptError, StudyError, own_mistake
from freqopt.experiment.build import as_problem, as_rule
from freqopt.experiment.checkpoints import checkpoint_steps
from freqopt.experiment.metrics import metrics
from freqopt.experiment.store.own_files import data_files
from freqopt.experiment.study import RuleEntry, Study
from freqopt.optimizers import Rule
from freqopt.problems import Problem

Configuration = dict[str, Any]

MOST = 10_000_000
"""Runs of one study, which are all listed before the first begins."""


@dataclass(frozen=True)
class Point:
    """One run of a study.

    Attributes
    ----------
    label : str
        The rule's, for results and legends.
    axes : dotted path -> value
        Where the point lies in the study's grid, the same paths for every point. None where the
        rule has no such option.
    shared : dict
        Everything about the run but its number; one object for all runs of a grid point.
    run : int
        The run's number.
    files : list of str
        Data files that the problem declares.
    """

    label: str
    axes: dict[str, Any]
    shared: Configuration
    run: int
    files: list[str]

    @property
    def configuration(self) -> Configuration:
        """Everything about the run."""
        return {**self.shared, "run": self.run}


def expand(study: Study) -> list[Point]:
    """Every run of the study, checked: rules outermost, then cases, grids, and runs.

    Raises
    ------
    StudyError
        Naming the rule or the grid value that cannot be run.
    """
    paths = {f"rule.{key}" for rule in study.rules for key in rule.grid} | set(study.grid)
    paths |= {path for case in study.cases for path in case}
    paths |= {path for rule in study.rules for case in rule.cases for path in case}
    resolver = _Resolver(study)
    points: list[Point] = []
    asked = study.runs * sum(_combination_count(entry, study) for entry in study.rules)
    if asked > MOST:
        raise StudyError(f"{study.source}: {asked} runs; one study has at most {MOST}: split it")
    for entry in study.rules:
        for values in _combinations(entry, study):
            try:
                shared, files = resolver.resolve(entry, values)
            except Exception as error:
                if not isinstance(error, FreqoptError) and not own_mistake(error):
                    raise
                where = "".join(f", {path} = {value!r}" for path, value in values.items())
                reason = own_mistake(error) or str(error)
                reason = reason.removeprefix(f"rule {Path(entry.name).stem}: ")
                raise StudyError(f"{study.source}: rule {entry.title}{where}: {reason}") from None
            axes = {path: _look_up(shared, path, values.get(path)) for path in sorted(paths)}
            title = entry.title  # for all runs of it: a path is taken apart
            points += [Point(title, axes, shared, run, files) for run in range(study.runs)]
    return points


def _combination_count(entry: RuleEntry, study: Study) -> int:
    axes = (study.cases or [{}], entry.cases or [{}], *study.grid.values(), *entry.grid.values())
    return math.prod(map(len, axes))


def _combinations(entry: RuleEntry, study: Study) -> Iterator[dict[str, Any]]:
    axes = study.grid | {f"rule.{key}": values for key, values in entry.grid.items()}
    cases = (study.cases or [{}], entry.cases or [{}])
    for case, own, *values in itertools.product(*cases, *axes.values()):
        yield {**case, **own, **dict(zip(axes, values, strict=True))}


class _Resolver:
    """Completes and checks configurations; problems that recur are made once."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.problems: dict[str, Problem] = {}

    def resolve(self, entry: RuleEntry, values: dict[str, Any]) -> tuple[Configuration, list[str]]:
        """The configuration of one grid point, without its run number, and its data files."""
        study = self.study
        fixed = study.model_dump(
            mode="json",
            include={"steps", "batch", "seed", "dtype", "checkpoints", "record", "groups"},
        )
        given: Configuration = {
            **fixed,
            "problem": {"name": study.problem.name, **study.problem.fields},
            "rule": {"name": entry.name, **entry.fields},
        }
        if entry.dialect is not None:
            given["rule"]["dialect"] = entry.dialect
        factorised = entry.factorised or study.factorised
        if factorised is not None:
            given["factorised"] = factorised.model_dump(mode="json")
        for path, value in values.items():
            given = _set(given, path, value)
        # The study's own keys are checked again, now that the grid has had its say.
        own = {key: value for key, value in given.items() if key not in ("problem", "rule")}
        at_point = Study(**own, title=study.title, problem=study.problem, rules=study.rules)
        problem, rule = self._problem(given["problem"]), as_rule(given["rule"])
        _check(problem, rule, at_point)
        configuration = {
            **at_point.model_dump(mode="json", include=set(own)),
            "problem": {"name": given["problem"]["name"], **problem.model_dump(mode="json")},
            "rule": {"name": given["rule"]["name"], **rule.model_dump(mode="json")},
        }
        return configuration, data_files(problem.model_dump())

    def _problem(self, given: dict[str, Any]) -> Problem:
        key = json.dumps(given, sort_keys=True, default=str)
        if key not in self.problems:
            self.problems[key] = as_problem(given)
        return self.problems[key]


def _check(problem: Problem, rule: Rule, study: Study) -> None:
    """What can be known to fail before the first step, fails now."""
    checkpoint_steps(study.steps, study.checkpoints)
    for name in study.record:
        metrics[name]().check(problem.constants)
    Simulation.check(problem, rule, steps=study.steps, batch=study.batch)
    if study.factorised is not None:
        study.factorised.check(problem)


def _set(tree: Configuration, path: str, value: Any) -> Configuration:
    """A copy of the tree with the value at a dotted path, which may be new below the first key."""
    first, *rest = path.split(".")
    if first not in tree or (first in ("problem", "rule") and rest[:1] in ([], ["name"])):
        raise StudyError(
            f"grid key {path!r} does not say what to vary; give problem.FIELD, rule.OPTION, or "
            f"one of {', '.join(sorted(set(tree) - {'problem', 'rule'}))}"
        )
    changed = deepcopy(tree)
    node = changed
    for key in [first, *rest][:-1]:
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            raise StudyError(f"grid key {path!r}: {key} is {node!r}, which has no parts")
    node[path.rsplit(".", 1)[-1]] = value
    return changed


def _look_up(tree: Configuration, path: str, default: Any) -> Any:
    """The value at a dotted path, or the default."""
    node: Any = tree
    for key in path.split("."):
        if not isinstance(node, dict) or key not in node:
            return default
        node = node[key]
    return node
