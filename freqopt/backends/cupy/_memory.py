"""Simulations in the memory of a device: the C structures of `source/simulation.cuh`."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from freqopt.backends import Movement, Simulation
from freqopt.backends.cupy._problem import Law, ProblemData
from freqopt.backends.cupy._source import memory_words, own_slots, remembers
from freqopt.kernels import hyper
from freqopt.tables import FactorisedTable

AHEAD = 16
"""Steps whose samples are drawn at once. Not a matter of bits."""
SUMS = ("moved", "pushed", "visits")
"""Of a `Movement`."""

Fields = tuple[Any, ...]
"""Of a C structure: arrays, whose addresses stand there, laws and numbers; None for no array."""


class Moving(NamedTuple):
    """An array that the rule moves, as the device holds it."""

    weights: Any
    grads: Any
    occurrences: Fields


class Memory:
    """Copies of simulations on a device, and all else that the loop reads and writes there.

    Parameters
    ----------
    simulations : list of Simulation
    problem : ProblemData
        Of all of them.
    device : module
        `_gpu` or `_twin`.
    scratch : int
        Bytes for what a group's lanes share; 0 where shared memory is enough.

    Attributes
    ----------
    problem, tables, parts, runs : arrays on the device
        The C structures `Problem`, `Read`, `Part` and `Run` of every simulation.
    """

    def __init__(
        self,
        simulations: Sequence[Simulation],
        problem: ProblemData,
        device: ModuleType,
        scratch: int,
    ) -> None:
        self._simulations, self._device, self._xp = simulations, device, device.xp
        self._scratch = scratch
        self._kept: list[Any] = []  # what the structures point to
        self._steps: list[Any] = []
        self._moved: list[tuple[Movement, dict[str, Any]]] = []
        self._parameters: list[dict[str, tuple[Any, dict[str, Any]]]] = []
        tables, parts, runs = [], [], []
        for simulation in simulations:
            self._parameters.append({})
            for name, rows in problem.tables.items():
                fields, moving = self._read(simulation, name, rows * simulation.batch)
                tables.append(fields)
                parts += [self._part(simulation, name + k, one) for k, one in moving.items()]
            runs.append(self._run(simulation, problem))
        self.problem, self.tables = self._records([problem.fields]), self._records(tables)
        self.parts, self.runs = self._records(parts), self._records(runs)

    def fetch(self) -> None:
        """Copy tables, states, movement and steps back into the simulations."""
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

    def send_movement(self) -> None:
        """Copy the sums of the simulations' movement, which others may have cleared."""
        for movement, sums in self._moved:
            for what, values in sums.items():
                values[...] = self._xp.asarray(getattr(movement, what))

    def _read(self, simulation: Simulation, name: str, m: int) -> tuple[Fields, dict[str, Moving]]:
        """The fields of a `Read` with m occurrences in a step, and its arrays that move."""
        zeros, table = self._xp.zeros, simulation.tables[name]
        size, width = simulation.problem.shapes[name]
        dtype = _dtype(simulation)
        rows, grads = zeros((AHEAD, m), np.int64), zeros((m, width), dtype)
        occurrences = self._occurrences(zeros(m, np.int64))
        if isinstance(table, FactorisedTable):
            inner, weights = len(table.second), zeros((m, width), dtype)
            first, second = self._copy(table.first), self._copy(table.second)
            columns, beside = table.beside.shape[1], self._copy(table.beside)
            every = np.arange(inner)
            moving = {
                ".first": Moving(first, zeros((m, inner), dtype), occurrences),
                ".second": Moving(
                    second,
                    zeros((inner, width), dtype),
                    self._occurrences(self._xp.asarray(every << inner.bit_length() | every)),
                ),
                ".beside": Moving(beside, zeros((m, columns), dtype), occurrences),
            }
            moving = {suffix: moving[suffix] for suffix in table.parameters}
            suffixes = ".first", ".second", ".beside"
            of = [moving[k].grads if k in moving else None for k in suffixes]
            layers = (first, second, beside, inner, columns, *of)
        else:
            weights, layers = self._copy(table.weights), (*(None,) * 3, 0, 0, *(None,) * 3)
            moving = {"": Moving(weights, grads, occurrences)}
        movement = self._movement(simulation, name, m)
        fields = (size, width, rows, *occurrences, weights, grads, *layers, *movement)
        return fields, moving

    def _part(self, simulation: Simulation, name: str, moving: Moving) -> Fields:
        """The fields of a `Part`."""
        xp, rule, dtype = self._xp, simulation.rule, _dtype(simulation)
        (size, width), m = moving.weights.shape, len(moving.grads)
        state = {k: xp.asarray(v.reshape(-1).copy()) for k, v in simulation.states[name].items()}
        self._parameters[-1][name] = moving.weights, state
        addresses = [self._device.address(state[slot.name]) for slot in own_slots(rule)]
        words = [self._words(word)[0] for word in memory_words(rule)]
        slots = xp.asarray(np.array([*addresses, *words], np.uint64))
        sums = [xp.zeros((m, width), dtype) for _ in range(2)]
        whole = [xp.zeros(m + 1, np.int64) for _ in range(5)]
        wide = [xp.zeros(n if remembers(rule) else 0) for n in (m, 1)]
        entry_of = xp.full(size, -1, np.int64) if rule.rows == "all" else None
        return (
            moving.weights, size, width, slots, state.get("decayed_at"), state["t"],
            *moving.occurrences, moving.grads, *sums, *whole, xp.zeros((2, m), dtype), *wide,
            entry_of,
        )  # fmt: skip

    def _run(self, simulation: Simulation, problem: ProblemData) -> Fields:
        """The fields of a `Run`."""
        xp = self._xp
        step = xp.full(1, simulation.step, np.int64)
        self._steps.append(step)
        samples = xp.zeros(AHEAD * simulation.batch * problem.numbers, np.float64)
        products = [
            max(len(table.second), rows * simulation.batch) * table.second.shape[1]
            for name, rows in problem.tables.items()
            if isinstance(table := simulation.tables[name], FactorisedTable)
        ]
        work = xp.zeros(max(problem.scratch, *products, 0), _dtype(simulation))
        h = xp.asarray(hyper(simulation.rule))
        scratch = xp.zeros(self._scratch // 8) if self._scratch else None
        return simulation.seed, simulation.run, simulation.batch, h, step, samples, work, scratch

    def _occurrences(self, keys: Any) -> Fields:
        """The fields of an `Occurrences`."""
        return keys, keys.size, int(keys.size).bit_length()

    def _movement(self, simulation: Simulation, name: str, m: int) -> Fields:
        """The fields of a `Read` for the movement of rows."""
        xp, movement = self._xp, (simulation.movement or {}).get(name)
        if movement is None:
            return (None,) * 5
        sums = {what: self._copy(getattr(movement, what)) for what in SUMS}
        self._moved.append((movement, sums))
        shape = m, simulation.problem.shapes[name][1]
        return (*sums.values(), xp.zeros(shape), xp.zeros(shape, _dtype(simulation)))

    def _copy(self, array: Any) -> Any:
        return self._xp.asarray(array.copy())

    def _records(self, records: list[Fields]) -> Any:
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


def _dtype(simulation: Simulation) -> Any:
    (dtype,) = {array.dtype for array in simulation.parameters.values()}
    return dtype


def _word(number: int) -> int:
    return number % 2**64
