"""What the GPU benchmark runs on: sizes, rules, batches, and runs of the pair problem."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
from loop import CASES, begin

from freqopt.backends import Simulation
from freqopt.streams import BoundedZipf, Stream

RULES = {
    "SGD": {"name": "sgd", "lr": 0.1},
    "CF-SGD": {"name": "cf_sgd", "lr": 0.1, "form": "anytime", "cap": "none"},
    "row-wise AdaGrad": {"name": "rowwise_adagrad", "lr": 0.1},
    "AdaGrad": {"name": "adagrad", "lr": 0.1},
    "lazy Adam": {"name": "lazy_adam", "lr": 0.001},
}


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    rows: int = 2**24
    batch: int = 10**6
    widths: tuple[int, ...] = (128, 64)  # what the wider one took is enough for the narrower
    rounds: int = 20
    calls: int = 10  # of an update pass, in a row
    small: tuple[int, int] = (2**16, 10**5)  # rows and batch beside the reference
    runs: int = 4096
    tokens: int = 10**4
    steps: int = 10**4
    trajectory: int = 10**6
    cases: int = len(CASES)


TINY = Sizes(
    rows=64, batch=32, widths=(8,), rounds=2, calls=2, small=(40, 60), runs=3, tokens=20, steps=5,
    trajectory=200, cases=1,
)  # fmt: skip


def batch_of(law: str, rows: int, batch: int, seed: int = 0) -> np.ndarray:
    """Rows of a batch: Zipf(1.05) tokens, uniform ones, or distinct uniform ones."""
    rng = np.random.default_rng(seed)
    if law == "distinct":
        return rng.permutation(rows)[:batch]
    if law == "uniform":
        return rng.integers(0, rows, batch)
    return BoundedZipf(1.05, rows).draw(Stream(seed, 0, "tokens"), np.arange(1), batch)[0]


def arrays(device: ModuleType, sizes: Sizes, width: int, law: str) -> tuple[Any, Any, Any]:
    """A table, the rows of a batch and its gradients."""
    xp = device.xp
    rows = xp.asarray(batch_of(law, sizes.rows, sizes.batch))
    grads = xp.full((sizes.batch, width), 1e-3, np.float32)
    return xp.zeros((sizes.rows, width), np.float32), rows, grads


def runs_of(case: str, count: int, tokens: int, dtype: str = "float32") -> list[Simulation]:
    """Runs of a case of benchmarks/loop.py that differ in their random numbers."""
    first = begin(*CASES[case], 0, size=tokens)
    for table in first.tables.values():
        table.weights = table.weights.astype(dtype)
    states = {name: first.rule.init(w) for name, w in first.parameters.items()}
    return [
        replace(first, run=run, tables=copy.deepcopy(first.tables), states=copy.deepcopy(states))
        for run in range(count)
    ]
