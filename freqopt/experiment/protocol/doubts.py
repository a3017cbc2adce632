"""Signs that a search has not found what there is, told beside what it chose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from freqopt.experiment.protocol.render import Table
from freqopt.experiment.protocol.searching import Choice
from freqopt.experiment.protocol.workloads import by_workload

APART = 8.0
"""Between rates chosen on two splits of one workload: more than their chance explains."""

TRUTH = "planted"
"""Among the baselines: what made the data, which nothing has to beat."""


def doubts(choices: Sequence[Choice], figures: Table, metric: str) -> Iterator[str]:
    """Sentences on tuned rules that a model without embeddings beats, and on scattered rates.

    Parameters
    ----------
    choices : sequence of Choice
    figures : Table
        Of `compare`, with the means of rules and of baselines.
    metric : str
        What was minimised.
    """
    rules = {one.rule for one in choices}
    columns = figures.columns()
    means: dict[str, dict[str, float]] = {}
    for workload, figure, rule, mean in zip(
        *(columns[name] for name in ("workload", "figure", "rule", "mean")), strict=True
    ):
        if figure == metric:
            means.setdefault(workload, {})[rule] = mean
    for workload, by_rule in means.items():
        plain = {name: mean for name, mean in by_rule.items() if name not in {*rules, TRUTH}}
        for rule in sorted(rules & by_rule.keys()) if plain else ():
            best = min(plain, key=plain.__getitem__)
            if not by_rule[rule] <= plain[best]:
                yield (
                    f"{_at(rule, workload)}: {metric} {by_rule[rule]:.4g} is no better than "
                    f"{plain[best]:.4g} of {best}, which has no embeddings"
                )
    for workload, numbers in by_workload(choices):
        for rule in sorted(rules):
            rates = [choices[k].values["rule.lr"] for k in numbers if choices[k].rule == rule]
            if rates and max(rates) >= APART * min(rates):
                yield (
                    f"{_at(rule, workload)}: rates from {min(rates):.3g} to {max(rates):.3g} were "
                    "chosen on splits of the same data; raise tune.scan or tune.trials"
                )


def _at(rule: str, workload: str) -> str:
    return f"{rule}, {workload}" if workload else rule
