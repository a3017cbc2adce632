"""The stages of a tuned study: trials, what they choose, and the runs that are reported."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from freqopt.errors import StudyError
from freqopt.experiment.metrics import metrics
from freqopt.experiment.protocol.searching import Choice, Curve, Searching, Values, settings_of
from freqopt.experiment.protocol.settings import Tune
from freqopt.experiment.study import RuleEntry, Study
from freqopt.problems import problems

if TYPE_CHECKING:
    import pyarrow as pa

Readings = Callable[[Study], "pa.Table"]
"""The table of a plain study, which is run first where that is wanted."""


@dataclass
class Tuned:
    """All that was chosen, and the studies that report it.

    Attributes
    ----------
    choices : list of Choice
        For the least value at the last step: what `final` runs.
    to_target : list of Choice
        For the fewest steps to the reference's value: what `target` runs. Empty without [compare].
    """

    study: Study
    choices: list[Choice]
    to_target: list[Choice]

    @property
    def final(self) -> Study:
        """The chosen, with the study's own random numbers, measured on test rows."""
        return _reported(self.study, self.choices, "")

    @property
    def target(self) -> Study | None:
        """The same of those that were chosen for the target."""
        return _reported(self.study, self.to_target, "target") if self.to_target else None


def tune(study: Study, readings: Readings) -> Tuned:
    """Make the trials and choose; runs that are stored are read.

    Raises
    ------
    StudyError
        The metric is not among what the trials recorded.
    """
    searches = [
        Searching(study, entry, workload) for entry in study.rules for workload in workloads(study)
    ]
    settings = settings_of(study)
    for count in _rounds(settings, searches):
        for search in searches:
            search.extend(count)
        _curves(readings(_trials(study, searches)), study, searches)
        for search in searches:
            search.score()
        _aim(study, searches)
    choices = [search.choice() for search in searches]
    targets = [search.to_target() for search in searches if search.target is not None]
    return Tuned(study, choices, targets)


def _aim(study: Study, searches: list[Searching]) -> None:
    """Set each search's target: what the reference has reached on the same workload."""
    if study.compare is None or not study.compare.target:
        return
    reference = study.compare.reference
    reached = {repr(s.workload): s.reached for s in searches if s.entry.title == reference}
    for search in searches:
        search.target = reached[repr(search.workload)]


def _rounds(settings: Tune, searches: list[Searching]) -> Iterator[int]:
    """How many trials every search is to have next, until all best ones are interior."""
    width, made = searches[0].search.width, 0
    first = settings.scan or width  # with nothing far away to be seen, the neighbours at once
    while made < settings.trials or (made < settings.most and any(one.open for one in searches)):
        wanted = made + width if made else 1 + first
        most = settings.trials if made < settings.trials else settings.most
        made = min(wanted, most)
        yield made


def metric_of(study: Study, measure: str) -> str:
    """The name under which a stage stores what is minimised."""
    name = settings_of(study).metric
    return f"{measure}_{name}" if held_out_path(study) else name


def held_out_path(study: Study) -> list[str]:
    """Where a problem says what it keeps from training: `held_out`, or `pairs`, `held_out`.

    In a group of its fields only where the study gives it there; empty if nothing is kept.
    """
    if "held_out" in problems[study.problem.name].model_fields:
        return ["held_out"]
    groups = study.problem.fields.items()
    return next(
        ([name, "held_out"] for name, group in groups
         if isinstance(group, dict) and "held_out" in group and "name" not in group),
        [],
    )  # fmt: skip


def workloads(study: Study) -> list[Values]:
    """The points of the grid; on each of them the choice is another."""
    points = itertools.product(study.cases or [{}], *study.grid.values())
    return [{**case, **dict(zip(study.grid, at, strict=True))} for case, *at in points]


def _trials(study: Study, searches: list[Searching]) -> Study:
    """The study of all trials so far: random numbers of its own, and no test row."""
    settings, changes = settings_of(study), {}
    if path := held_out_path(study):
        fields = _choosing(study.problem.fields, path)
        changes["problem"] = type(study.problem)(name=study.problem.name, **fields)
        measure = ".".join(["problem", *path, "measure"])
        if measure in workloads(study)[0]:
            raise StudyError(f"{study.source}: [tune] sets {measure} itself; leave it out")
    record = [settings.metric] if settings.metric in metrics else study.record
    cases = [
        (one.entry.title, [{**one.workload, **one.values(trial)} for trial in one.asked])
        for one in searches
    ]
    return study.derived(
        "trials", rules=_with_cases(study, cases), cases=[], grid={}, record=record,
        seed=study.seed + 1, runs=settings.runs, **changes,
    )  # fmt: skip


def _choosing(fields: Values, path: list[str]) -> Values:
    """The fields of a problem that measures its validation rows, and has no test rows."""
    name, *deeper = path
    if deeper:
        return {**fields, name: _choosing(fields[name], deeper)}
    held = fields.get(name, {})
    held = held if isinstance(held, dict) else {"fraction": held}
    return {**fields, name: {**held, "measure": "validation"}}


def _reported(study: Study, choices: list[Choice], stage: str) -> Study:
    cases = [(one.rule, [{**one.workload, **one.values}]) for one in choices]
    return study.derived(stage, rules=_with_cases(study, cases), cases=[], grid={})


def _with_cases(study: Study, given: list[tuple[str, list[Values]]]) -> list[RuleEntry]:
    return [
        entry.model_copy(
            update={"cases": [c for title, cases in given if title == entry.title for c in cases]}
        )
        for entry in study.rules
    ]


def _curves(table: pa.Table, study: Study, searches: list[Searching]) -> None:
    """Give each search the steps and the means over runs of its trials' metric."""
    metric, runs = metric_of(study, "validation"), settings_of(study).runs
    found = iter(blocks(table, metric))
    for search in searches:
        for trial in search.asked:
            of_runs = [next(found) for _ in range(runs)]
            if not of_runs[0][0].size:
                known = ", ".join(sorted(set(table["metric"].to_pylist())))
                asked = settings_of(study).metric
                raise StudyError(
                    f"{study.source}: tune.metric = {asked!r} needs {metric!r}, and recorded are "
                    f"{known}; name another, or record it"
                )
            values = [value for _, value in of_runs]
            shortest = min(map(len, values))  # a diverged run may have fewer readings
            mean = np.mean([value[:shortest] for value in values], axis=0)
            search.curves[trial] = of_runs[0][0][:shortest], mean


def blocks(table: pa.Table, metric: str) -> list[Curve]:
    """Steps and values of a metric, run after run in the study's order, as `load` gives them."""
    step = table["step"].to_numpy()
    bounds = [0, *(np.flatnonzero(np.diff(step) < 0) + 1), len(step)]
    keep = np.ones(len(step), bool)
    for name, word in (("metric", metric), ("table", "all"), ("group", "all")):
        codes = table[name].combine_chunks().dictionary_encode()
        known = codes.dictionary.to_pylist()
        keep &= codes.indices.to_numpy() == (known.index(word) if word in known else -1)
    value = table["value"].to_numpy()
    return [
        (step[low:high][keep[low:high]], value[low:high][keep[low:high]])
        for low, high in itertools.pairwise(bounds)
    ]
