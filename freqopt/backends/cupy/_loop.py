"""Simulations made ready for the device's loop: many side by side, one group of threads each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from freqopt.backends import Movement, Simulation
from freqopt.backends.cupy._problem import Law, ProblemData, find_problem
from freqopt.backends.cupy._source import Source, loop_source, memory_words, own_slots, remembers
from freqopt.backends.numba._kernel import hyper
from freqopt.errors import BackendError
from freqopt.tables import PlainTable

AHEAD = 16
"""Steps whose samples are drawn at once. Not a matter of bits."""

FIRST_LAUNCH, SECONDS = 256, 0.25
"""Steps of the first launch; how long one should take."""
SUMS = ("moved", "pushed", "visits")
"""Of a `Movement`."""


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
        self._simulations, self._device, self._xp = simulations, device, device.xp
        (self._dtype,) = {array.dtype for array in first.parameters.values()}
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
        self._widest = max(first.problem.shapes[name][1] for name in problem.tables)
        self._count, self._fetched = FIRST_LAUNCH, False
        self._reached = min(simulation.step for simulation in simulations)
        with device.room(f"{len(simulations)} runs at once"):
            self._copy(problem)

    def _copy(self, problem: ProblemData) -> None:
        """Everything that the kernel reads and writes, on the device."""
        self._kept: list[Any] = []  # what the records point to
        self._steps: list[Any] = []
        self._moved: list[tuple[Movement, dict[str, Any]]] = []
        self._parameters: list[dict[str, Any]] = []
        self._problem = self._records([problem.fields])
        parts, runs = [], []
        for simulation in self._simulations:
            copies, table_parts = {}, []
            for name, rows in problem.tables.items():
                part, arrays = self._part(simulation, name, rows * simulation.batch)
                table_parts.append(part)
                copies[name] = arrays
            self._parameters.append(copies)
            parts += table_parts
            runs.append(self._run(simulation, problem))
        self._parts, self._runs = self._records(parts), self._records(runs)

    def advance(self, until: int) -> None:
        """Take every simulation to `until` steps, or up to the step that the rule refuses.

        In launches of a fraction of a second: Ctrl-C is heard between two.
        """
        scratch = 8 * self._widest * (2 if remembers(self._simulations[0].rule) else 1)
        count = len(self._simulations)
        for movement, sums in self._moved if self._fetched else ():  # perhaps cleared since then
            for what, values in sums.items():
                values[...] = self._xp.asarray(getattr(movement, what))
        self._fetched = False
        while self._reached < until:
            stop, began = min(until, self._reached + self._count), time.perf_counter()
            self._module.launch(
                "loop", count, scratch,
                self._runs, self._parts, count, stop, self._problem, self._widest,
            )  # fmt: skip
            self._device.wait()
            self._reached = stop
            took = time.perf_counter() - began
            if took < SECONDS / 2:
                self._count *= 2
            elif took > 2 * SECONDS:
                self._count = max(1, self._count // 2)

    def fetch(self) -> None:
        """Copy tables, states and steps back into the simulations."""
        host = self._device.to_host
        for simulation, copies, step in zip(
            self._simulations, self._parameters, self._steps, strict=True
        ):
            simulation.step = int(host(step)[0])
            for name, (weights, state) in copies.items():
                simulation.parameters[name][...] = host(weights)
                for slot, values in state.items():
                    simulation.states[name][slot][...] = host(values).reshape(
                        simulation.states[name][slot].shape
                    )
        self._fetched = True
        for movement, sums in self._moved:
            for what, values in sums.items():
                getattr(movement, what)[...] = host(values)

    def _part(
        self, simulation: Simulation, name: str, m: int
    ) -> tuple[tuple[Any, ...], tuple[Any, Any]]:
        """The fields of a `Part` with m occurrences in a step, and the arrays to fetch."""
        xp, rule = self._xp, simulation.rule
        size, width = simulation.problem.shapes[name]
        weights = xp.asarray(simulation.parameters[name].copy())
        state = {k: xp.asarray(v.reshape(-1).copy()) for k, v in simulation.states[name].items()}
        addresses = [self._device.address(state[slot.name]) for slot in own_slots(rule)]
        words = [self._words(word)[0] for word in memory_words(rule)]
        slots = xp.asarray(np.array([*addresses, *words], np.uint64))
        wide = [xp.zeros(n if remembers(rule) else 0) for n in (m, 1)]
        rows = xp.zeros((AHEAD, m), np.int64)
        real = [xp.zeros((m, width), self._dtype) for _ in range(3)]
        norms = xp.zeros((2, m), self._dtype)
        whole = [xp.zeros(m + 1, np.int64) for _ in range(5)]
        entry_of = xp.full(size, -1, np.int64) if rule.rows == "all" else None
        fields = (
            weights, size, width, slots, state.get("decayed_at"), state["t"], rows, m,
            *real, *whole, norms, *wide, entry_of, *self._movement(simulation, name, m, width),
        )  # fmt: skip
        return fields, (weights, state)

    def _movement(self, simulation: Simulation, name: str, m: int, width: int) -> tuple[Any, ...]:
        """The fields of a `Part` for the movement of rows."""
        xp, movement = self._xp, (simulation.movement or {}).get(name)
        if movement is None:
            return (None,) * 6
        sums = {what: xp.asarray(getattr(movement, what).copy()) for what in SUMS}
        self._moved.append((movement, sums))
        total, before = xp.zeros((m, width)), xp.zeros((m, width), self._dtype)
        return (*sums.values(), xp.zeros(m, np.int64), total, before)

    def _run(self, simulation: Simulation, problem: ProblemData) -> tuple[Any, ...]:
        """The fields of a `Run`."""
        xp = self._xp
        step = xp.full(1, simulation.step, np.int64)
        self._steps.append(step)
        samples = xp.zeros(AHEAD * simulation.batch * problem.numbers, np.float64)
        work = xp.zeros(problem.scratch, self._dtype)
        h = xp.asarray(hyper(simulation.rule))
        return simulation.seed, simulation.run, simulation.batch, h, step, samples, work

    def _records(self, records: list[tuple[Any, ...]]) -> Any:
        """C structures one behind the other on the device; every field has 8 bytes."""
        words = [word for record in records for field in record for word in self._words(field)]
        return self._xp.asarray(np.array(words, np.uint64))

    def _words(self, field: Any) -> list[Any]:
        if field is None:
            return [0]
        if isinstance(field, Law):
            tail = np.array(field.tail, np.float64).view(np.uint64)
            return [*self._words(field.buckets), field.size, _word(field.head), *tail]
        if isinstance(field, float):
            return [np.array(field).view(np.uint64)[()]]
        if isinstance(field, int | np.integer):
            return [_word(int(field))]
        array = self._xp.asarray(field, order="C")
        self._kept.append(array)
        return [self._device.address(array)]


def _word(number: int) -> int:
    return number % 2**64


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


def kernel_of(simulation: Simulation, problem: ProblemData, lanes: int | None = None) -> Source:
    """What the loop of a simulation is compiled from.

    Raises
    ------
    BackendError
        The loop does not do this simulation; the message says why.
    """
    if not all(isinstance(table, PlainTable) for table in simulation.tables.values()):
        raise BackendError("factorised tables are not in the device's loop")
    (dtype,) = {array.dtype for array in simulation.parameters.values()}
    tracked = simulation.movement is not None
    return loop_source(
        simulation.rule,
        simulation.problem.name(),
        {**problem.options, "AHEAD": AHEAD, "MOVEMENT": tracked},
        problem.purposes,
        dtype,
        [simulation.problem.shapes[name][1] for name in problem.tables],
        lanes,
    )


@cache
def _module(device: ModuleType, source: Source) -> Any:
    return device.Module(source)
