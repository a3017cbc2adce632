"""The rules against a transcription of the official step, over its whole grid of arguments."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from freqopt.optimizers import rules
from freqopt.optimizers._group import step_group

from . import official_memory

AGGREGATIONS = ("sum", "mid", "mean", "min", "median", "max", "min-mean", "median-mean", "max-mean")
STEPS_WHEN_FULL = 12
# Rule, official name of the kind, our options, official arguments.
VARIANTS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "sgd_c": ("sgd_c", "SGD_C", {}, {}),
    "sgd_c, decay and kappa": (
        "sgd_c",
        "SGD_C",
        {"weight_decay": 0.1, "kappa": 0.5},
        {"weight_decay": 0.1, "kappa": 0.5},
    ),
    "sgd_c, no test": ("sgd_c", "SGD_C", {"acceptance_test": False}, {"critical_test": False}),
    "sgdm_c, dampening": (
        "sgdm_c",
        "SGD_C",
        {"dampening": 0.3},
        {"momentum": 0.9, "dampening": 0.3},
    ),
    "sgdm_c, kappa 0": ("sgdm_c", "SGD_C", {"kappa": 0.0}, {"momentum": 0.9, "kappa": 0.0}),
    "adam_c": ("adam_c", "Adam_C", {}, {}),
    "adam_c, amsgrad, decay, kappa": (
        "adam_c",
        "Adam_C",
        {"amsgrad": "raw", "weight_decay": 0.1, "kappa": 0.3},
        {"amsgrad": True, "weight_decay": 0.1},
    ),
    "rmsprop_c": ("rmsprop_c", "RMSprop_C", {}, {}),
    "rmsprop_c, momentum, centered, decay": (
        "rmsprop_c",
        "RMSprop_C",
        {"momentum": 0.9, "centered": True, "weight_decay": 0.1},
        {"momentum": 0.9, "centered": True, "weight_decay": 0.1},
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_official_grid(variant: str) -> None:
    """9 aggregations x C in {1, 2, 3, 10} x lambda in {0.7, 0.99} x synced on and off."""
    for aggregation, capacity, decay, synced in itertools.product(
        AGGREGATIONS, (1, 2, 3, 10), (0.7, 0.99), (True, False)
    ):
        shared = {"lr": 0.02, "synced": synced}
        name, kind, options, arguments = VARIANTS[variant]
        rule = rules[name](
            aggregation=aggregation, capacity=capacity, priority_decay=decay, **shared, **options
        )
        official = {"aggr": aggregation, "topC": capacity, "decay": decay, **shared, **arguments}
        rng = np.random.default_rng(capacity)
        tables = {k: rng.normal(size=(n, 1)) for k, n in (("a", 1), ("b", 4), ("c", 2))}
        states = {k: rule.init(table) for k, table in tables.items()}
        tensors = [official_memory.Tensor([float(x) for x in w[:, 0]]) for w in tables.values()]
        for _ in range(capacity + STEPS_WHEN_FULL):
            noise = {k: rng.normal(size=table.shape) for k, table in tables.items()}
            theirs = [
                [float(x + e) for x, e in zip(tensor.theta, noise[k][:, 0], strict=True)]
                for k, tensor in zip(tables, tensors, strict=True)
            ]
            ours = {k: (np.arange(len(w)), w + noise[k]) for k, w in tables.items()}
            step_group(rule, tables, states, ours)
            official_memory.step(kind, tensors, theirs, official)
        for table, tensor in zip(tables.values(), tensors, strict=True):
            # Each adds in its own order: rounding grows by a small factor in up to 22 steps.
            assert table[:, 0] == pytest.approx(tensor.theta, rel=1e-11, abs=1e-11), official
