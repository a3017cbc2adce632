"""Has a GPU the bits of the processor? Steps of many rows, and long trajectories."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from gpu_cases import RULES, Sizes, batch_of, runs_of

import freqopt
from freqopt.backends import Simulation
from freqopt.backends.cupy import Runs, Stepper
from freqopt.backends.numba import NumbaBackend


def bits(device: ModuleType, sizes: Sizes) -> Iterator[str]:
    """Equal bits? A batch of many rows, and long trajectories."""
    yield "\n## Bits\n\n| | compared with | bits |\n| --- | --- | --- |"
    (rows, batch), width = sizes.small, min(sizes.widths)
    for name, options in RULES.items():
        same = True
        for dtype in (np.float32, np.float64):
            same &= _same_steps(device, freqopt.rule(**options), dtype, (rows, width), batch)
        about = f"three steps of {name}, B = {batch:,}, float32 and float64"
        yield f"| {about} | NumPy | {agree(same)} |"
    for case in ("logistic, CF-SGD", "logistic, lazy Adam")[: sizes.cases]:
        here, there = (runs_of(case, 4, sizes.tokens, "float64") for _ in range(2))
        runs = Runs(here, device)
        runs.advance(sizes.trajectory)
        runs.fetch()
        for simulation in there:
            NumbaBackend(patience=0).advance(simulation, sizes.trajectory)
        about = f"{sizes.trajectory:,} steps of {case}, 4 runs, float64"
        yield f"| {about} | Numba | {agree(same_runs(here, there))} |"


def agree(same: bool) -> str:
    """As the page says it."""
    return "equal" if same else "**differ**"


def _same_steps(
    device: ModuleType, rule: Any, dtype: Any, shape: tuple[int, int], batch: int
) -> bool:
    xp, rng, (size, width) = device.xp, np.random.default_rng(1), shape
    table = rng.normal(size=shape).astype(dtype)
    state = rule.init(table)
    there = xp.asarray(table.copy())
    states = {k: v.copy() if k == "t" else xp.asarray(v.copy()) for k, v in state.items()}
    stepper = Stepper(rule, dtype, width, device)
    for seed in range(3):
        rows = batch_of("zipf", size, batch, seed)
        grads = rng.normal(size=(batch, width)).astype(dtype)
        stepper(there, states, xp.asarray(rows), xp.asarray(grads))
        rule.step(table, state, rows, grads)
    host = device.to_host
    pairs = [(there, table), *((states[name], state[name]) for name in state)]
    return all(host(mine).tobytes() == right.tobytes() for mine, right in pairs)


def same_runs(here: list[Simulation], there: list[Simulation]) -> bool:
    """Equal steps and tables."""
    return all(
        mine.step == right.step and array.tobytes() == right.parameters[name].tobytes()
        for mine, right in zip(here, there, strict=True)
        for name, array in mine.parameters.items()
    )
