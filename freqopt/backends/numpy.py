"""The reference loop: one step at a time in NumPy, as the equations are written."""

from __future__ import annotations

import numpy as np

from freqopt.backends._backend import Backend
from freqopt.backends._simulation import Simulation
from freqopt.errors import BatchError, GradientError, at_line
from freqopt.optimizers._group import step_group
from freqopt.problems import Samples, Sparse

SAMPLES_AT_ONCE = 16384
"""Samples drawn ahead in one call. Not a matter of bits: a sample depends on its step alone."""


class NumpyBackend(Backend):
    """The reference: what every other backend must reproduce bit by bit."""

    def advance(self, simulation: Simulation, until: int) -> None:
        """See `Backend.advance`. No warning of overflow: a gradient that overflowed is refused."""
        ahead = max(1, SAMPLES_AT_ONCE // simulation.batch)
        with np.errstate(over="ignore", invalid="ignore"):
            while simulation.step < until:
                steps = np.arange(simulation.step, min(simulation.step + ahead, until))
                samples = simulation.problem.draw(
                    simulation.seed, simulation.run, steps, simulation.batch
                )
                for i in range(steps.size):
                    _step(simulation, {name: values[i] for name, values in samples.items()})


def _step(simulation: Simulation, samples: Samples) -> None:
    """One batch of samples: gradients of every table from the old ones, then the rule on all."""
    tables, movement = simulation.tables, simulation.movement
    sparse = simulation.problem.gradients(tables, samples)
    if simulation.rule.catches_up_before_reading:
        _catch_up(simulation, sparse)
        sparse = simulation.problem.gradients(tables, samples)
    if movement is not None:
        before = {name: tables[name][rows] for name, (rows, _) in sparse.items()}
    try:
        batches = {
            name + suffix: batch
            for name, (rows, grads) in sparse.items()
            for suffix, batch in tables[name].batches(rows, grads).items()
        }
        step_group(simulation.rule, simulation.parameters, simulation.states, batches)
    except GradientError:  # the run has diverged
        raise
    except BatchError as error:
        code = type(simulation.problem).gradients.__code__
        what = f"what gradients gives is refused: {error}"
        raise BatchError(
            at_line(code.co_filename, code.co_firstlineno, what, "mend the problem")
        ) from None
    simulation.step += 1
    if movement is not None:
        for name, (rows, grads) in sparse.items():
            movement[name].add(rows, grads, before[name], tables[name][rows])


def _catch_up(simulation: Simulation, sparse: Sparse) -> None:
    """Bring the batch's rows up to the present step; the gradients in `sparse` are not used."""
    for name, (rows, grads) in sparse.items():
        table = simulation.tables[name]
        for suffix, (touched, _) in table.batches(rows, grads).items():
            parameter = table.parameters[suffix]
            simulation.rule.catch_up(parameter, simulation.states[name + suffix], touched)
