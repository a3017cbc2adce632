"""Simulations made ready for the device's loop: many side by side, one group of threads each."""

from __future__ import annotations

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
        _check(first)
        self._simulations, self._device, self._xp = simulations, device, device.xp
        (self._dtype,) = {array.dtype for array in first.parameters.values()}
        problem = find_problem(first.problem)
        self._widths = [first.problem.shapes[name][1] for name in problem.tables]
        self._widest = max(self._widths)
        sources = {self._source(simulation, problem, lanes) for simulation in simulations}
        if len(sources) > 1:
            raise BackendError(
                f"{len(simulations)} simulations need {len(sources)} different kernels; run those "
                "that share a problem and the rule's options together"
            )
        self._module = _module(device, sources.pop())
        self._kept: list[Any] = []  # what the records point to
        self._steps: list[Any] = []
        self._moved: list[tuple[Movement, dict[str, Any]]] = []
        self._parameters: list[dict[str, Any]] = []
        self._problem = self._records([problem.fields])
        parts, runs = [], []
        for simulation in simulations:
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
        """Take every simulation to `until` steps, or up to the step that the rule refuses."""
        scratch = 8 * self._widest * (2 if remembers(self._simulations[0].rule) else 1)
        self._module.launch(
            "loop", len(self._simulations), scratch,
            self._runs, self._parts, len(self._simulations), until, self._problem, self._widest,
        )  # fmt: skip

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
        for movement, sums in self._moved:
            for what, values in sums.items():
                getattr(movement, what)[...] = host(values)

    def _source(self, simulation: Simulation, problem: ProblemData, lanes: int | None) -> Source:
        return loop_source(
            simulation.rule,
            simulation.problem.name(),
            {
                **problem.options,
                "AHEAD": AHEAD,
                "MOVEMENT": simulation.movement is not None,
            },
            problem.purposes,
            self._dtype,
            self._widths,
            lanes or self._device.LANES,
        )

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


def _check(simulation: Simulation) -> None:
    if not all(isinstance(table, PlainTable) for table in simulation.tables.values()):
        raise BackendError("factorised tables are not in the device's loop")


@cache
def _module(device: ModuleType, source: Source) -> Any:
    return device.Module(source)
