"""Numba on the processor's cores: the fused step and the whole loop, with the reference's bits."""

from __future__ import annotations

import time
import warnings

from freqopt.backends._backend import Backend, FallbackWarning
from freqopt.backends._simulation import Simulation
from freqopt.backends.numba._step import settle, step, step_group
from freqopt.backends.numba._workspace import Workspace
from freqopt.backends.numba.loop._run import Run
from freqopt.backends.numpy import NumpyBackend
from freqopt.errors import BackendError

__all__ = ["FallbackWarning", "NumbaBackend", "Workspace", "settle", "step", "step_group"]

PATIENCE = 1.0
"""Processor seconds of the NumPy loop before a loop is compiled, which takes a few."""
MUCH = 10_000
"""Steps that NumPy makes up for in less time than a kernel is compiled."""
STRETCH = 32
"""Steps of the NumPy loop between two looks at the clock."""

_spent: dict[str, float] = {}
"""Those seconds on each loop, or on what cannot be compiled, in this process."""


class NumbaBackend(Backend):
    """Sampling, gradient and step of a whole stretch in one compiled call.

    A loop that is not compiled yet is not worth compiling for a short run: the NumPy loop begins,
    and gives over to the compiled one once that is on disk or `patience` is at its end. What the
    compiled loop does not do stays with the NumPy loop; after the same time a `FallbackWarning`
    says why. The numbers are the same.

    Parameters
    ----------
    patience : float
        Processor seconds; 0 compiles at once.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._of: Simulation | None = None
        self._run: Run | None = None
        self._reason = ""

    def advance(self, simulation: Simulation, until: int) -> None:
        """See `Backend.advance`. Ctrl-C is heard within about a second."""
        if simulation is not self._of:
            self._of, self._run, self._reason = simulation, None, ""
            try:
                self._run = Run(simulation)
            except BackendError as reason:
                self._reason = f"the NumPy loop takes over: {reason}"
        while simulation.step < until and not self._compiled():
            self._walk(simulation, min(until, simulation.step + STRETCH))
        if self._run is None or self._run.advance(simulation, until):
            return
        NumpyBackend().advance(simulation, simulation.step + 1)  # raises the reference's error
        raise AssertionError("the compiled loop refused a step that the reference takes")

    def settle(self, simulation: Simulation) -> None:
        """`Simulation.settle`, compiled where there may be much to make up for."""
        rule = simulation.rule
        if not rule.settles_before_reading or simulation.step < MUCH or self._run is None:
            simulation.settle()
            return
        for name, array in simulation.parameters.items():
            settle(rule, array, simulation.states[name])

    def _compiled(self) -> bool:
        """Whether the compiled loop can go on: it is ready, or it is time to compile it."""
        if self._run is not None:
            return self._run.ready(compiling=_spent.get(self._run.key, 0.0) >= self._patience)
        if self._reason and _spent.get(self._reason, 0.0) >= self._patience:
            warnings.warn(self._reason, FallbackWarning, stacklevel=4)
            self._reason = ""
        return False

    def _walk(self, simulation: Simulation, until: int) -> None:
        """Take steps in the NumPy loop, and note the time."""
        key = self._reason if self._run is None else self._run.key
        began = time.thread_time()
        try:
            NumpyBackend().advance(simulation, until)
        finally:
            _spent[key] = _spent.get(key, 0.0) + time.thread_time() - began
