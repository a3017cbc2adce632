"""The stages of a tuned study: trials, what they choose, and the runs that are reported."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import StudyError
from freqopt.experiment.metrics import metrics
from freqopt.experiment.protocol.search import Search, Trial
from freqopt.experiment.protocol.settings import SCHEDULES, Tune
from freqopt.experiment.study import RuleEntry, Study
from freqopt.problems import problems

if TYPE_CHECKING:
    import pyarrow as pa

Values = dict[str, Any]
Curve = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Steps and values."""
Readings = Callable[[Study], "pa.Table"]
"""The table of a plain study, which is run first where that is wanted."""

MEASURE = "problem.held_out.measure"


@dataclass(frozen=True)
class Choice:
    """What a rule was given on one workload.

    Attributes
    ----------
    rule : str
        Its label.
    workload : dotted path -> value
        A point of the study's grid.
    values : dotted path -> value
        What was chosen.
    schedule : str
    score : float
        Mean over runs of the metric that was minimised, at the last step.
    trials, diverged : int
        How many were made, and how many of them had a run that diverged.
    edges : list of str
        Paths on which the best trial has a side that was not looked at: no fair choice.
    steps : float
        To the target, for what was chosen for that; else the study's.
    """

    rule: str
    workload: Values
    values: Values
    schedule: str
    score: float
    trials: int
    diverged: int
    edges: list[str]
    steps: float


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
        _Searching(study, entry, workload)
        for entry in study.rules
        for workload in _workloads(study)
    ]
    settings = _settings(study)
    for count in _rounds(settings, searches):
        for search in searches:
            search.extend(count)
        _curves(readings(_trials(study, searches)), study, searches)
        for search in searches:
            search.score()
    choices = [search.choice() for search in searches]
    targets = []
    if study.compare and study.compare.target:
        least = {repr(c.workload): c.score for c in choices if c.rule == study.compare.reference}
        targets = [s.fastest(least[repr(s.workload)]) for s in searches]
    return Tuned(study, choices, targets)


def _rounds(settings: Tune, searches: list[_Searching]) -> Iterator[int]:
    """How many trials every search is to have next, until all best ones are interior."""
    width, made = searches[0].search.width, 0
    while made < settings.trials or (
        made < settings.most and any(one.search.edges() for one in searches)
    ):
        wanted = made + width + (made == 0)
        most = settings.trials if made < settings.trials else settings.most
        made = min(wanted, most)
        yield made


class _Searching:
    """A search, and what its trials are in the study."""

    def __init__(self, study: Study, entry: RuleEntry, workload: Values) -> None:
        self.study, self.entry, self.workload = study, entry, workload
        settings = _settings(study)
        self.starts = {"rule.lr": float(entry.fields["lr"]), **settings.axes}
        self.factor, self.schedules = settings.factor, settings.schedules
        self.search = Search(len(self.starts), len(self.schedules))
        self.asked: list[Trial] = []
        self.curves: dict[Trial, Curve] = {}

    def extend(self, count: int) -> None:
        """Ask for trials until there are so many."""
        self.asked += self.search.propose(count - len(self.asked))

    def values(self, trial: Trial) -> Values:
        """A trial by its dotted paths."""
        places, schedule = trial
        law, slope = SCHEDULES[self.schedules[schedule]]
        try:
            numbers: Values = {
                path: start * self.factor**place
                for (path, start), place in zip(self.starts.items(), places, strict=True)
            }
        except OverflowError:
            raise StudyError(
                f"tune: factor = {self.factor} to the power of {max(places)} is beyond all "
                "numbers; give a smaller factor, or fewer trials"
            ) from None
        if len(self.schedules) > 1:
            steps = self.workload.get("steps", self.study.steps)
            numbers |= {"rule.lr_decay_law": law, "rule.lr_decay": slope / steps}
        return numbers

    def score(self) -> None:
        """Take the last value of every trial."""
        for trial in self.asked:
            last = float(self.curves[trial][1][-1])
            self.search.scores[trial] = last if math.isfinite(last) else math.inf

    def choice(self, trial: Trial | None = None, steps: float | None = None) -> Choice:
        """The best trial, or another one."""
        best = trial or self.search.best
        paths, scores = list(self.starts), self.search.scores
        return Choice(
            self.entry.title, self.workload, self.values(best), self.schedules[best[1]],
            scores[best], len(scores), sum(math.isinf(score) for score in scores.values()),
            [paths[axis] for axis in self.search.edges()],
            float(self.study.steps) if steps is None else steps,
        )  # fmt: skip

    def fastest(self, target: float) -> Choice:
        """The trial that is first at the target; the best one where none gets there."""
        taken = {trial: first_at(*self.curves[trial], target) for trial in self.asked}
        trial = min(taken, key=lambda one: (taken[one], self.search.scores[one], one))
        chosen = self.choice(trial, taken[trial])
        return replace(chosen, edges=self._edges(taken, trial))

    def _edges(self, taken: dict[Trial, float], trial: Trial) -> list[str]:
        """Sides of the fastest trial that were not looked at."""
        beside = self.search.beside(trial)
        return [
            list(self.starts)[k] for k in sorted({k for k, near in beside if near not in taken})
        ]


def first_at(steps: NDArray[Any], values: NDArray[Any], target: float) -> float:
    """The step at which a curve is first at the target, linear between checkpoints; else inf."""
    below = np.flatnonzero(values <= target)
    if not below.size:
        return math.inf
    i = int(below[0])
    if i == 0 or not math.isfinite(values[i - 1]):
        return float(steps[i])
    share = (values[i - 1] - target) / (values[i - 1] - values[i])
    return float(steps[i - 1] + share * (steps[i] - steps[i - 1]))


def metric_of(study: Study, measure: str) -> str:
    """The name under which a stage stores what is minimised."""
    name = _settings(study).metric
    return f"{measure}_{name}" if holds_out(study) else name


def holds_out(study: Study) -> bool:
    """Whether the problem keeps rows from training."""
    return "held_out" in problems[study.problem.name].model_fields


def _settings(study: Study) -> Tune:
    if study.tune is None:
        raise StudyError(f"{study.source} has no table [tune]: nothing is chosen in it; add one")
    return study.tune


def _workloads(study: Study) -> list[Values]:
    """The points of the grid; on each of them the choice is another."""
    points = itertools.product(study.cases or [{}], *study.grid.values())
    return [{**case, **dict(zip(study.grid, at, strict=True))} for case, *at in points]


def _trials(study: Study, searches: list[_Searching]) -> Study:
    """The study of all trials so far: random numbers of its own, and no test row."""
    settings, changes = _settings(study), {}
    if holds_out(study):
        held = study.problem.fields.get("held_out", {})
        held = held if isinstance(held, dict) else {"fraction": held}
        fields = {**study.problem.fields, "held_out": {**held, "measure": "validation"}}
        changes["problem"] = type(study.problem)(name=study.problem.name, **fields)
        if MEASURE in _workloads(study)[0]:
            raise StudyError(f"{study.source}: [tune] sets {MEASURE} itself; leave it out")
    record = [settings.metric] if settings.metric in metrics else study.record
    cases = [
        (one.entry.title, [{**one.workload, **one.values(trial)} for trial in one.asked])
        for one in searches
    ]
    return study.derived(
        "trials", rules=_with_cases(study, cases), cases=[], grid={}, record=record,
        seed=study.seed + 1, runs=settings.runs, **changes,
    )  # fmt: skip


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


def _curves(table: pa.Table, study: Study, searches: list[_Searching]) -> None:
    """Give each search the steps and the means over runs of its trials' metric."""
    metric, runs = metric_of(study, "validation"), _settings(study).runs
    found = iter(blocks(table, metric))
    for search in searches:
        for trial in search.asked:
            of_runs = [next(found) for _ in range(runs)]
            if not of_runs[0][0].size:
                known = ", ".join(sorted(set(table["metric"].to_pylist())))
                raise StudyError(
                    f"{study.source}: tune.metric = {_settings(study).metric!r} needs {metric!r}, "
                    f"and recorded are {known}; name another, or record it"
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
