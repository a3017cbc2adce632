"""A simulation made ready for the compiled loop, and taken through it call by call."""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freqopt.backends import Simulation
from freqopt.backends.numba.batch._workspace import LARGEST, Workspace
from freqopt.backends.numba.fused_step._plan import Plan
from freqopt.backends.numba.jit._call import types_of
from freqopt.backends.numba.jit._compile import alone, at_hand, name_of
from freqopt.backends.numba.loop._arrays import Part, Read
from freqopt.backends.numba.loop._batched import Kernels, batched_step
from freqopt.backends.numba.loop._compose import Form, Shortcut, make_loop
from freqopt.backends.numba.loop._layers import Layers, layers
from freqopt.backends.numba.loop._movement import moves
from freqopt.backends.numba.loop._single import allows_single, single_step
from freqopt.backends.numba.loop._star import allows_star, star_step
from freqopt.backends.numba.problems._kernel import ProblemKernel, find_problem
from freqopt.backends.numba.rule._kernel import find_kernel
from freqopt.problems import Problem
from freqopt.tables import FactorisedTable

NUMBERS_AHEAD = 8192
"""Numbers of samples drawn ahead: they stay in the first-level cache."""
STEPS_AHEAD = 512
SECONDS = 0.25
"""How long one compiled call should take: Ctrl-C is heard between two."""
FIRST_CALL = 256


class CompiledLoop:
    """The compiled loop of one simulation.

    Attributes
    ----------
    key : str
        Name of what would be compiled for it.

    Raises
    ------
    BackendError
        The loop does not do this simulation; the message says why.
    """

    def __init__(self, simulation: Simulation) -> None:
        rule = simulation.rule
        (self._dtype,) = {array.dtype for array in simulation.parameters.values()}
        shared = _shared(simulation.problem, self._dtype)
        self._problem, self._kinds, self._loaded = shared.kernel, shared.kinds, shared.loaded
        kernel, structure = find_kernel(rule, self._dtype)
        self._plan = Plan(rule, self._dtype)
        self._count = FIRST_CALL
        self._tables = self._read(simulation)
        self._grads, self._rows = self._moved(simulation)
        plain = all(table.layers == () for table in self._tables.values())
        lone = {grads.shape[0] for grads in self._grads.values()} == {1}
        together = len({int(state["t"]) for state in simulation.states.values()}) == 1
        self._single = plain and lone and together and allows_single(rule)
        self._spaces = {name: Workspace(1, parts=1) for name in self._grads}
        self._most = min(LARGEST // (len(grads) + 1) for grads in self._grads.values())
        self._work = np.zeros(self._problem.scratch, self._dtype)
        forms = tuple(
            Form(simulation.problem.shapes[name][1], _trained(simulation, name), tracked)
            for tracked in [simulation.movement is not None]
            for name in self._problem.tables
        )
        widths, checked = tuple(form.width for form in forms), rule.nonfinite == "raise"
        if self._single:
            bare = not rule.weight_decay and rule.max_norm is None
            self._kernels = None
            self._options: Any = self._plan.h
            self._loop = make_loop(
                self._problem,
                forms,
                f"single {structure.key} {checked} {bare}",
                lambda: (
                    None,
                    single_step(kernel, structure, widths, checked=checked, bare=bare),
                ),
                lone=True,
            )
        else:
            shortcut, star = None, self._problem.star
            alone = plain and together and simulation.batch == 1 and simulation.movement is None
            if star is not None and alone and allows_star(rule, kernel, star):
                shortcut = Shortcut(
                    f"star {structure.key} {checked}",
                    lambda: star_step(star, kernel, structure, widths[0], checked=checked),
                )
            parts = [self._part(simulation, name, 1) for name in self._grads]
            kernels = self._kernels = Kernels(rule, self._dtype, self._plan, parts[0])
            self._options = kernels.options
            self._loop = make_loop(
                self._problem,
                forms,
                f"batched {kernels.types}",
                lambda: batched_step(kernels, len(parts)),
                lone=False,
                shortcut=shortcut,
            )
        self.key = f"{self._loop._cache.key} {structure.key}"
        self._simulation, self._ready = simulation, False

    def ready(self, *, compiling: bool) -> bool:
        """Whether the loop can begin: all its kernels are compiled, here or by other processes.

        With `compiling` those are compiled now that no other process is at.
        """
        if not self._ready:
            there = (
                [True]
                if self.key in self._loaded
                else [at_hand(*one) or (compiling and _compiled(*one)) for one in self._needed]
            )
            if all(there):
                self._load()
        return self._ready

    @cached_property
    def _needed(self) -> list[tuple[Any, tuple[Any, ...]]]:
        """Kernels, and the types of their arguments."""
        if self.key not in self._kinds:
            self._kinds[self.key] = types_of(self._arguments(self._simulation, 0, 1))
        kinds = self._kinds[self.key]
        return [(self._loop, kinds), *(self._kernels.each if self._kernels else ())]

    def _load(self) -> None:
        """Make ready what is at hand; a damaged file is compiled anew."""
        if self.key not in self._loaded:
            for kernel, kinds in self._needed:
                kernel.compile(kinds)
            self._loaded.add(self.key)
        if self._kernels:
            self._options = self._kernels.with_addresses()
        self._ready = True

    def advance(self, simulation: Simulation, until: int) -> bool:
        """Take steps until `simulation.step == until`, or False before a step that is refused."""
        while simulation.step < until:
            stop = min(until, simulation.step + min(self._count, self._most))
            arguments = self._arguments(simulation, simulation.step, stop)
            began, reached = time.perf_counter(), arguments[-1]
            try:
                self._loop(*arguments)
            finally:  # Ctrl-C is raised as the call returns: tables and step must agree
                simulation.step = int(reached[0])
            if self._plan.remembers:
                for name, workspace in self._spaces.items():
                    state = simulation.states[name]
                    self._plan.lists(state, workspace).stepped(state)
            if simulation.step < stop:
                return False
            self._pace(time.perf_counter() - began)
        return True

    def _arguments(self, simulation: Simulation, first: int, until: int) -> tuple[Any, ...]:
        """Arguments of the loop for the steps first .. until - 1."""
        parts = tuple(self._part(simulation, name, until - first) for name in self._grads)
        data, address = self._problem.data, (simulation.seed, simulation.run)
        if self._problem.for_steps is not None:
            data = self._problem.for_steps(*address, first, until, simulation.batch)
        return (
            *map(np.uint64, address), first, until, simulation.batch, data,
            tuple(self._samples.values()), self._work, tuple(self._tables.values()), parts,
            self._options, np.array([first]),
        )  # fmt: skip

    def _read(self, simulation: Simulation) -> dict[str, Read]:
        """Memory for the samples, and what the gradient reads and writes of each table."""
        fields, batch = self._problem.fields, simulation.batch
        ahead = max(1, min(STEPS_AHEAD, NUMBERS_AHEAD // (batch * sum(f.width for f in fields))))
        self._samples = {
            field.name: np.zeros((ahead, batch * field.width), field.dtype) for field in fields
        }
        found = {}
        for name, field in self._problem.tables.items():
            rows, table = self._samples[field], simulation.tables[name]
            width, occurrences = simulation.problem.shapes[name][1], rows.shape[1]
            grads = np.zeros((occurrences, width), self._dtype)
            movement = (simulation.movement or {}).get(name)
            tracked = () if movement is None else moves(movement, width, self._dtype, occurrences)
            if isinstance(table, FactorisedTable):
                seen, places = np.zeros_like(grads), np.zeros_like(rows)
                places[...] = np.arange(occurrences)
                found[name] = Read((seen, grads), rows, places, layers(table, occurrences), tracked)
            else:
                found[name] = Read((table.weights, grads), rows, rows, (), tracked)
        return found

    def _moved(
        self, simulation: Simulation
    ) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[np.int64]]]:
        """Gradients, and rows in each of the steps drawn at once, of every array that moves."""
        grads: dict[str, Any] = {}
        rows: dict[str, Any] = {}
        for name, table in self._tables.items():
            two = table.layers
            for suffix in simulation.tables[name].parameters:
                if not isinstance(two, Layers):
                    grads[name], rows[name] = table.matrices[1], table.rows
                elif suffix != ".second":
                    of = two.of_first if suffix == ".first" else two.of_beside
                    grads[name + suffix], rows[name + suffix] = of, table.rows
                else:
                    every = np.empty((len(table.rows), len(two.second)), np.int64)
                    every[...] = np.arange(len(two.second))
                    grads[name + suffix], rows[name + suffix] = two.of_second, every
        return grads, rows

    def _part(self, simulation: Simulation, name: str, steps: int) -> Part:
        """What the loop holds of an array that moves."""
        state, grads = simulation.states[name], self._grads[name]
        table, elements, row_slots, decayed_at = self._plan.arrays(
            simulation.parameters[name], state
        )
        space: Any = np.zeros((2, table.shape[1]), self._dtype)
        critical: Any = ()
        if not self._single:
            n, workspace = len(grads), self._spaces[name]
            squares = simulation.rule.duplicates == "squares"
            space = workspace.space(table, 1, n, squares=squares)
            if self._plan.remembers:
                lists = self._plan.lists(state, workspace)
                critical = tuple(lists.critical(state, 1, n, space.own.size))
            index, base = workspace.index(len(table), n + 1), workspace.reserve(steps * (n + 1))
            space = index, base, tuple(space)
        return Part(
            (table, grads, elements),
            row_slots,
            decayed_at,
            state["t"].reshape(1),
            self._rows[name],
            space,
            critical,
        )

    def _pace(self, took: float) -> None:
        """Steps of the next call."""
        if took < SECONDS / 2:
            self._count *= 2
        elif took > 2 * SECONDS:
            self._count = max(1, self._count // 2)


class _Shared(NamedTuple):
    """What the runs of one problem share.

    Attributes
    ----------
    kernel : ProblemKernel
    kinds : name of a loop -> types of its arguments
    loaded : names of loops whose kernels are in memory
    """

    problem: Problem
    dtype: np.dtype[Any]
    kernel: ProblemKernel
    kinds: dict[str, tuple[Any, ...]]
    loaded: set[str]


_last: list[_Shared] = []
"""Of the problem that was met last: thousands of short runs of it take no time to begin."""


def _shared(problem: Problem, dtype: np.dtype[Any]) -> _Shared:
    if not _last or _last[0].problem is not problem or _last[0].dtype != dtype:
        _last[:] = [_Shared(problem, dtype, find_problem(problem, dtype), {}, set())]
    return _last[0]


def _compiled(kernel: Any, kinds: tuple[Any, ...]) -> bool:
    """Compile a kernel; False if another process is at it."""
    with alone(name_of(kernel, kinds)) as nobody_else:
        if nobody_else:
            kernel.compile(kinds)
    return nobody_else


def _trained(simulation: Simulation, name: str) -> str:
    """Layers of a table that the rule moves; "" for a plain table."""
    table = simulation.tables[name]
    return table.trained if isinstance(table, FactorisedTable) else ""
