"""A search for what a rule is given on one workload: its trials as values, and what it chooses."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import StudyError
from freqopt.experiment.protocol.search import Search, Trial, scanned
from freqopt.experiment.protocol.settings import SCHEDULES, Tune
from freqopt.experiment.study import RuleEntry, Study

Values = dict[str, Any]
Curve = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Steps and values."""


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


class Searching:
    """A search, and what its trials are in the study."""

    def __init__(self, study: Study, entry: RuleEntry, workload: Values) -> None:
        self.study, self.entry, self.workload = study, entry, workload
        settings = settings_of(study)
        self.starts = {"rule.lr": float(entry.fields["lr"]), **settings.axes}
        self.factor, self.schedules = settings.factor, settings.schedules
        first = scanned(settings.scan, settings.factor)
        self.search = Search(len(self.starts), len(self.schedules), first)
        self.asked: list[Trial] = []
        self.curves: dict[Trial, Curve] = {}
        self.target: float | None = None
        """What the fastest trial is to reach; None where nothing is compared, and at first."""

    def extend(self, count: int) -> None:
        """Ask for trials until there are so many."""
        then = None if self.target is None else self.fastest[0]
        self.asked += self.search.propose(count - len(self.asked), then)

    @property
    def open(self) -> bool:
        """Whether a trial that would be chosen has a side that was not looked at."""
        return bool(self.search.edges() or (self.target is not None and self._edges(*self.fastest)))

    @property
    def reached(self) -> float:
        """The best score."""
        return self.search.scores[self.search.best]

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

    @property
    def fastest(self) -> tuple[Trial, float]:
        """The trial that is first at the target, and its steps; the best where none gets there.

        Of those that differ from the best in the rate and its schedule alone: nothing else is
        chosen for the target.
        """
        assert self.target is not None
        rest = self.search.best[0][1:]
        taken = {
            trial: first_at(*self.curves[trial], self.target)
            for trial in self.asked
            if trial[0][1:] == rest
        }
        trial = min(taken, key=lambda one: (taken[one], self.search.scores[one], one))
        return trial, taken[trial]

    def to_target(self) -> Choice:
        """What is fastest, as a choice."""
        return replace(self.choice(*self.fastest), edges=self._edges(*self.fastest))

    def _edges(self, trial: Trial, steps: float) -> list[str]:
        """The rate, if a side of it was not looked at; none where the target is not reached."""
        beside = self.search.beside(trial) if math.isfinite(steps) else ()
        missing = [axis for axis, near in beside if near not in self.search.scores]
        return ["rule.lr"] if 0 in missing else []


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


def settings_of(study: Study) -> Tune:
    """The table [tune]."""
    if study.tune is None:
        raise StudyError(f"{study.source} has no table [tune]: nothing is chosen in it; add one")
    return study.tune
