"""A simulation made ready for the compiled loop, and taken through it call by call."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from freqopt.backends import Simulation
from freqopt.backends.numba._index import BINS
from freqopt.backends.numba._step import _Plan
from freqopt.backends.numba._workspace import LARGEST, Workspace
from freqopt.backends.numba.loop._compose import Part, make_loop
from freqopt.backends.numba.loop._movement import moves
from freqopt.backends.numba.problems._kernel import find_problem
from freqopt.errors import BackendError
from freqopt.optimizers import Rule
from freqopt.tables import PlainTable

NUMBERS_AHEAD = 8192
"""Numbers of samples drawn ahead: they stay in the first-level cache."""
STEPS_AHEAD = 64
SECONDS = 0.25
"""How long one compiled call should take: Ctrl-C is heard between two."""
FIRST_CALL = 256


class Run:
    """The compiled loop of one simulation.

    Raises
    ------
    BackendError
        The loop does not do this simulation; the message says why.
    """

    def __init__(self, simulation: Simulation) -> None:
        problem, rule, batch = simulation.problem, simulation.rule, simulation.batch
        for name, table in simulation.tables.items():
            if not isinstance(table, PlainTable):
                raise BackendError(f"table {name} is kept as two layers")
        if rule.settles_before_reading:
            raise BackendError(f"rule {rule.name()} settles rows before they are read")
        if rule.clip is not None and rule.clip_scope == "batch":
            raise BackendError("clip_scope = 'batch' is not in the compiled loop")
        (dtype,) = {array.dtype for array in simulation.parameters.values()}
        self._problem = find_problem(problem, dtype)
        self._plan = _Plan(rule, dtype)
        per_sample = {field.name: field.width for field in self._problem.fields}
        tables = self._problem.tables
        self._occurrences = {name: batch * per_sample[rows] for name, rows in tables.items()}
        self._single = set(self._occurrences.values()) == {1} and _unchanged_on_the_way(rule)
        self._loop = make_loop(
            self._problem,
            rule,
            dtype,
            tuple(simulation.parameters[name].shape[1] for name in tables),
            single=self._single,
            tracked=simulation.movement is not None,
        )
        self._count = FIRST_CALL
        self._buffers(simulation, dtype)

    def _buffers(self, simulation: Simulation, dtype: Any) -> None:
        """Memory for samples, gradients and combined batches."""
        problem, batch = self._problem, simulation.batch
        numbers = batch * sum(field.width for field in problem.fields)
        ahead = max(1, min(STEPS_AHEAD, NUMBERS_AHEAD // numbers))
        self._samples = {
            field.name: np.zeros((ahead, batch * field.width), field.dtype)
            for field in problem.fields
        }
        widths = {name: array.shape[1] for name, array in simulation.parameters.items()}
        self._grads = {
            name: np.zeros((n, widths[name]), dtype) for name, n in self._occurrences.items()
        }
        self._scratch = {name: np.zeros((2, width), dtype) for name, width in widths.items()}
        self._work = np.zeros(problem.scratch, dtype)
        self._spaces = {
            name: Workspace(1, parts=1) for name in ([] if self._single else self._occurrences)
        }
        self._moves = {
            name: moves(movement, simulation.parameters[name], self._occurrences[name])
            for name, movement in (simulation.movement or {}).items()
        }

    def advance(self, simulation: Simulation, until: int) -> bool:
        """Take steps until `simulation.step == until`, or False before a step that is refused."""
        most = min(LARGEST // (n + 1) for n in self._occurrences.values())
        while simulation.step < until:
            stop = min(until, simulation.step + min(self._count, most))
            parts = tuple(
                self._part(simulation, name, stop - simulation.step) for name in self._occurrences
            )
            began, reached = time.perf_counter(), np.array([simulation.step])
            try:
                self._loop(
                    np.uint64(simulation.seed), np.uint64(simulation.run), simulation.step, stop,
                    simulation.batch, self._problem.data, tuple(self._samples.values()),
                    self._work, parts, self._options(simulation.rule), reached,
                )  # fmt: skip
            finally:  # Ctrl-C is raised as the call returns: tables and step must agree
                simulation.step = int(reached[0])
            if simulation.step < stop:
                return False
            self._pace(time.perf_counter() - began)
        return True

    def _options(self, rule: Rule) -> Any:
        """What the rule's step needs beside the arrays."""
        plan = self._plan
        if self._single:
            return plan.h
        return plan.h, plan.options, plan.limit, rule.rows == "all", rule.count_empty

    def _part(self, simulation: Simulation, name: str, steps: int) -> Part:
        """What the loop holds of a table."""
        state, squares = simulation.states[name], simulation.rule.duplicates == "squares"
        table, elements, row_slots, decayed_at = self._plan.arrays(
            simulation.parameters[name], state
        )
        space: Any = self._scratch[name]
        if not self._single:
            n, workspace = self._occurrences[name], self._spaces[name]
            space = workspace.space(table, 1, n, squares=squares)
            space[0][:], space[1][:] = (0, BINS), (0, n + 1)
            space = workspace.index(len(table), n + 1), workspace.reserve(steps * (n + 1)), space
        return Part(
            (table, self._grads[name], elements),
            row_slots,
            decayed_at,
            state["t"].reshape(1),
            self._samples[self._problem.tables[name]],
            self._moves.get(name, ()),
            space,
        )

    def _pace(self, took: float) -> None:
        """Steps of the next call."""
        if took < SECONDS / 2:
            self._count *= 2
        elif took > 2 * SECONDS:
            self._count = max(1, self._count // 2)


def _unchanged_on_the_way(rule: Rule) -> bool:
    """Whether a lone occurrence meets its row as it is, and no other row changes."""
    return (
        rule.rows == "touched"
        and rule.padding_row is None
        and rule.nonfinite != "skip"
        and not rule.maximize
        and rule.clip is None
        and not (rule.weight_decay and rule.decay == "decoupled" and rule.decay_rows == "all")
    )
