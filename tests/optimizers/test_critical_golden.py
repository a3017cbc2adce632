"""The fixed-memory rules reproduce the official code on a stream of gradients, to all digits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from freqopt.optimizers import rules
from freqopt.optimizers._group import slow_step_group, step_group

from .critical_runs import CHECKED_STEPS, NOISE, RUNS, SCALE, START, Run

# Half a unit of the last printed digit. The 1 % more is for entries that end in an exact 5 one
# digit further (0.09628677890625), where a rounding error of 1e-17 decides how they were printed.
PRINTED = 0.505e-13


@pytest.mark.parametrize("step", [step_group, slow_step_group], ids=["fast", "slow"])
@pytest.mark.parametrize("run", RUNS, ids=str)
def test_official_trajectory(run: Run, step: Callable[..., None]) -> None:
    rule_type = rules[run.rule]
    dialect = rule_type.dialects[f"CriticalGradientOptimization.{run.official}"]
    rule = rule_type(**{**dialect, **run.options})
    tables = {str(k): np.array(x)[:, None] for k, x in enumerate(START)}
    states = {name: rule.init(table) for name, table in tables.items()}
    printed = [[float(x) for x in line.split()] for line in run.theta.strip().split("\n")]
    wanted = dict(zip(CHECKED_STEPS, printed, strict=True))
    for t, noise in enumerate(NOISE, 1):
        batches = {}
        for (name, table), s, xi in zip(tables.items(), SCALE, (noise[:3], noise[3:]), strict=True):
            g = np.array(s)[:, None] * table + np.array(xi)[:, None]
            batches[name] = (np.arange(len(table)), g)
        step(rule, tables, states, batches)
        if t in wanted:
            theta = np.concatenate([table[:, 0] for table in tables.values()])
            assert np.abs(theta - wanted[t]).max() <= PRINTED, f"after {t} steps"
    counts = [sum(int(s[key]) for s in states.values()) for key in ("accepted", "rejected")]
    assert tuple(counts) == run.counts
    assert [f"{p:.10g}" for p in states["0"]["priorities"]] == run.priorities.split(", ")
