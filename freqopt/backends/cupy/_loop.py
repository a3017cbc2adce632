"""Simulations made ready for the device's loop: many side by side, one group of threads each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any

from freqopt.backends import Simulation
from freqopt.backends.cupy._memory import AHEAD, Memory
from freqopt.backends.cupy._problem import ProblemData, find_problem
from freqopt.backends.cupy._source import CudaSource, loop_source, remembers
from freqopt.errors import BackendError
from freqopt.tables import FactorisedTable

FIRST_LAUNCH, SECONDS = 256, 0.25
"""Steps of the first launch; how long one should take."""


class Runs:
    """Simulations of one problem, one form of rule and one batch size, taken along together.

    They may differ in seed, run, learning rate and every other number of the rule.

    Parameters
    ----------
    simulations : list of Simulation
        All at the same step. Their tables and states are copied to the device.
    device : module
        `_gpu` or `_twin`.
    lanes : int, optional

    Raises
    ------
    BackendError
        The loop does not do these simulations; the message says why.
    """

    def __init__(
        self, simulations: list[Simulation], device: ModuleType, lanes: int | None = None
    ) -> None:
        first = simulations[0]
        self._simulations, self._device = simulations, device
        problem = find_problem(first.problem)
        lanes = lanes or device.LANES
        kernels = {kernel_of(simulation, problem, lanes) for simulation in simulations}
        if any(
            (one.problem is not first.problem and one.problem != first.problem)
            or (one.batch, one.step) != (first.batch, first.step)
            for one in simulations
        ):
            raise BackendError(
                "the simulations are of different problems, batch sizes or steps; run those that "
                "share all three together"
            )
        if len(kernels) > 1:
            raise BackendError(
                f"{len(simulations)} simulations need {len(kernels)} different kernels; run those "
                "that share a problem and the rule's options together"
            )
        self._module = _module(device, kernels.pop())
        self._widest = max(
            shape[1]
            for one in simulations
            for shape in (*one.problem.shapes.values(), *(p.shape for p in one.parameters.values()))
        )
        scratch = 8 * self._widest * (2 if remembers(first.rule) else 1)
        fits = scratch * (32 // self._module.lanes) <= device.SHARED  # that of a warp
        self._count, self._fetched = FIRST_LAUNCH, False
        self._reached = min(simulation.step for simulation in simulations)
        with device.room(f"{len(simulations)} runs at once"):
            self._memory = Memory(simulations, problem, device, 0 if fits else scratch)
        self._shared = scratch if fits else 0

    def advance(self, until: int) -> None:
        """Take every simulation to `until` steps, or up to the step that the rule refuses.

        In launches of a fraction of a second: Ctrl-C is heard between two.
        """
        memory, count = self._memory, len(self._simulations)
        if self._fetched:
            memory.send_movement()
        self._fetched = False
        while self._reached < until:
            stop, began = min(until, self._reached + self._count), time.perf_counter()
            self._module.launch(
                "loop", count, self._shared,
                memory.runs, memory.tables, memory.parts, count, stop, memory.problem, self._widest,
            )  # fmt: skip
            self._device.wait()
            self._reached = stop
            took = time.perf_counter() - began
            if took < SECONDS / 2:
                self._count *= 2
            elif took > 2 * SECONDS:
                self._count = max(1, self._count // 2)

    def fetch(self) -> None:
        """Copy tables, states, movement and steps back into the simulations."""
        self._memory.fetch()
        self._fetched = True


def alike(simulations: Sequence[Simulation]) -> list[list[Simulation]]:
    """Groups that `Runs` takes side by side, or refuses as a whole."""
    groups: dict[Any, list[Simulation]] = {}
    problems: dict[int, ProblemData | None] = {}
    for one in simulations:
        try:
            if id(one.problem) not in problems:
                problems[id(one.problem)] = None
                problems[id(one.problem)] = find_problem(one.problem)
            problem = problems[id(one.problem)]
            kernel = None if problem is None else kernel_of(one, problem)
        except BackendError:
            kernel = None
        key = (id(one.problem), one.batch, one.step, kernel)
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def kernel_of(simulation: Simulation, problem: ProblemData, lanes: int | None = None) -> CudaSource:
    """What the loop of a simulation is compiled from.

    Raises
    ------
    BackendError
        The loop does not do this simulation; the message says why.
    """
    moving = simulation.parameters.values()
    (dtype,) = {array.dtype for array in moving}
    layered = any(isinstance(table, FactorisedTable) for table in simulation.tables.values())
    form = {
        "AHEAD": AHEAD,
        "PARTS": len(moving),
        "LAYERED": layered,
        "MOVEMENT": simulation.movement is not None,
    }
    return loop_source(
        simulation.rule,
        problem.text or simulation.problem.name(),
        {**problem.options, **form},
        problem.purposes,
        dtype,
        [array.shape[1] for array in moving],
        lanes,
    )


@cache
def _module(device: ModuleType, source: CudaSource) -> Any:
    return device.Module(source)
