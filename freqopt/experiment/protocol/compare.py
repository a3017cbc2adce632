"""`freqopt.compare`: what a simulated study says about its rules, as tables."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from freqopt.backends import DEFAULT
from freqopt.errors import StudyError
from freqopt.experiment.build import as_problem
from freqopt.experiment.protocol.conduct import chosen
from freqopt.experiment.protocol.doubts import doubts
from freqopt.experiment.protocol.render import Table
from freqopt.experiment.protocol.searching import Choice
from freqopt.experiment.protocol.stages import Tuned, metric_of
from freqopt.experiment.protocol.statistics import holm, interval, wilcoxon
from freqopt.experiment.protocol.times import times
from freqopt.experiment.protocol.workloads import by_workload, point, where
from freqopt.experiment.study import Study

if TYPE_CHECKING:
    import pyarrow as pa

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """Rules of a tuned study, compared: tables, also as text and HTML.

    Attributes
    ----------
    study : str
    metric : str
        What was minimised, as it is reported.
    reference : str
        The rule that differences are from.
    tables : list of Table
        What was chosen; every figure with intervals and paired differences; steps to the target;
        performance profile.
    edges : list of str
        Choices that are not fair ones: a best trial with a side that was not looked at.
    doubts : list of str
        Signs that a search missed what there is: a rule that loses to a model without embeddings,
        rates far apart on splits of the same data.
    """

    study: str
    metric: str
    reference: str
    tables: list[Table] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        head = [f"{self.study}: {self.metric}, differences from {self.reference}"]
        head += [f"ERROR: {edge}" for edge in self.edges]
        head += [f"DOUBT: {doubt}" for doubt in self.doubts]
        return "\n\n".join([*head, *(table.text() for table in self.tables)])

    def _repr_html_(self) -> str:
        said = [f"ERROR: {edge}" for edge in self.edges]
        said += [f"DOUBT: {doubt}" for doubt in self.doubts]
        return "".join(map(Table.paragraph, said)) + "".join(table.html() for table in self.tables)

    def __getitem__(self, name: str) -> Table:
        """A table by its name: choices, figures, steps, profile."""
        for table in self.tables:
            if table.name == name:
                return table
        known = ", ".join(table.name for table in self.tables)
        raise StudyError(f"the comparison has no table {name!r}; it has {known}")


def compare(
    study: Study | str | Path,
    *,
    results: str | Path = "results",
    backend: str = DEFAULT,
    quick: bool = False,
) -> Comparison:
    """Compare the rules of a study with tables [tune] and [compare] that was simulated.

    Parameters
    ----------
    study : Study, or the path of its file
    results, backend, quick
        As it was simulated.

    Returns
    -------
    Comparison

    Raises
    ------
    StudyError
        The study has no table [compare].
    ResultError
        Runs are missing.
    """
    if not isinstance(study, Study):
        study = Study.read(study, quick=quick)
    if study.compare is None:
        raise StudyError(f"{study.source} has no table [compare]; add one (docs/studies.md)")
    tuned, read = chosen(study, results=results, backend=backend)
    metric = metric_of(study, "test")
    found = Comparison(study.name, metric, study.compare.reference)
    for kind, choices in (("best", tuned.choices), ("fastest", tuned.to_target)):
        found.edges.extend(
            f"{choice.rule}, {where(choice.workload)}{kind} {path} is at the edge of "
            f"{choice.trials} trials; raise tune.most"
            for choice in choices
            for path in choice.edges
        )
    found.tables.append(_choices(tuned))
    found.tables.append(_figures(study, tuned.choices, read(tuned.final), metric))
    found.doubts.extend(doubts(tuned.choices, found["figures"], metric))
    if tuned.target is not None:
        found.tables.extend(times(tuned, read(tuned.final), read(tuned.target), metric, backend))
    return found


def _choices(tuned: Tuned) -> Table:
    head = ["rule", "workload", "chosen", "schedule", "score", "trials", "diverged", "edge"]
    rows = [
        [
            one.rule, where(one.workload).rstrip(", "),
            ", ".join(f"{p.rpartition('.')[2]} {v:.3g}" for p, v in one.values.items()
                      if not p.startswith("rule.lr_")),
            one.schedule, one.score, one.trials, one.diverged, ", ".join(one.edges),
        ]
        for one in tuned.choices
    ]  # fmt: skip
    about = "what was chosen on trials alone; score: mean over their runs at the last step"
    return Table("choices", about, head, rows)


def _figures(study: Study, choices: list[Choice], table: pa.Table, metric: str) -> Table:
    """Mean, interval and paired difference of every figure, rule and workload."""
    last = last_figures(table)
    names = sorted({name for block in last for name in block}, key=lambda n: (n != metric, n))
    head = ["workload", "figure", "rule", "mean", "low", "high",
            "difference", "from", "to", "p (Holm)"]  # fmt: skip
    reference = study.compare.reference if study.compare else ""
    names_of_rules = [entry.title for entry in study.rules]
    workloads = list(by_workload(choices))
    cells = {
        (name, workload, rule): np.array(
            [
                [last[k * study.runs + run].get(name, math.nan) for run in range(study.runs)]
                for k in numbers
                if choices[k].rule == rule
            ]
        )
        for workload, numbers in workloads
        for name in names
        for rule in names_of_rules
    }
    rows = [*compared(cells, reference), *_baselines(study, choices)]
    tests = (len(study.rules) - 1) * len(workloads)
    pairs = study.runs * len(workloads[0][1]) // len(study.rules)
    least = min(1.0, max(tests, 1) * 2.0 ** (1 - pairs))
    return Table(
        "figures",
        f"at the last step, means over splits and runs with intervals of level 0.95; differences "
        f"are paired, from {reference}; p is corrected for {tests} tests, every rule on every "
        f"workload, and not for the number of figures; of {pairs} pairs it is {least:.2g} or more",
        head,
        rows,
    )


def compared(cells: Mapping[tuple[str, str, str], Doubles], reference: str) -> Iterator[list[Any]]:
    """Rows of the table: mean and interval, and the difference from the reference.

    Parameters
    ----------
    cells : mapping of (figure, workload, rule) to float64 (splits, runs)
    reference : str
        A rule; of each figure all tests against it are one family.
    """
    differences = {
        (name, workload, rule): values - cells[name, workload, reference]
        for (name, workload, rule), values in cells.items()
        if rule != reference
    }
    p: dict[tuple[str, str, str], float] = {}
    for figure in dict.fromkeys(name for name, _, _ in cells):
        family = [key for key in differences if key[0] == figure]
        p |= zip(family, holm([wilcoxon(differences[key]) for key in family]), strict=True)
    for key, values in cells.items():
        name, workload, rule = key
        paired: list[Any] = ["", "", "", ""]
        if key in p:
            apart = differences[key]
            paired = [float(apart.mean()), *interval(apart), p[key]]
        yield [workload, name, rule, float(values.mean()), *interval(values), *paired]


def _baselines(study: Study, choices: list[Choice]) -> Iterator[list[Any]]:
    """What needs no embeddings, on the same test rows."""
    for workload, numbers in by_workload(choices):
        of_split = [
            as_problem(point(study, choices[k]).shared["problem"]).baselines()
            for k in numbers
            if choices[k].rule == choices[numbers[0]].rule
        ]
        for name in of_split[0]:
            for figure in of_split[0][name]:
                values = np.array([[one[name].get(figure, math.nan)] for one in of_split])
                mean = float(values.mean())
                yield [workload, figure, name, mean, *interval(values), "", "", "", ""]


def last_figures(table: pa.Table) -> list[dict[str, float]]:
    """Of each run, in order: every figure at its last step that is not one token's."""
    step = table["step"].to_numpy()
    bounds = [0, *(np.flatnonzero(np.diff(step) < 0) + 1), len(step)]
    wanted = np.zeros(len(step), bool)
    owner = np.zeros(len(step), np.int64)
    for k, (low, high) in enumerate(itertools.pairwise(bounds)):
        wanted[low:high] = step[low:high] == step[high - 1]
        owner[low:high] = k
    wanted &= table["token"].to_numpy() == -1
    kept = table.filter(wanted)
    columns = (kept[name].to_pylist() for name in ("metric", "table", "group", "value"))
    found: list[dict[str, float]] = [{} for _ in bounds[1:]]
    for k, metric, of_table, group, value in zip(owner[wanted], *columns, strict=True):
        parts = [part for part in (of_table, group) if part != "all"]
        found[k][" ".join([metric, *parts])] = value
    return found
