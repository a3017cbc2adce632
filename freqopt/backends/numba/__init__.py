"""Numba on the processor's cores: the fused step and the whole loop, with the reference's bits."""

from __future__ import annotations

import warnings

from freqopt.backends._backend import Backend
from freqopt.backends._simulation import Simulation
from freqopt.backends.numba._step import step
from freqopt.backends.numba._workspace import Workspace
from freqopt.backends.numba.loop._run import Run
from freqopt.backends.numpy import NumpyBackend
from freqopt.errors import BackendError

__all__ = ["FallbackWarning", "NumbaBackend", "Workspace", "step"]


class FallbackWarning(UserWarning):
    """A simulation runs in the NumPy loop because the compiled one does not do it."""


class NumbaBackend(Backend):
    """Sampling, gradient and step of a whole stretch in one compiled call.

    What the compiled loop does not do runs in the NumPy loop, with a `FallbackWarning` that says
    why. The numbers are the same.
    """

    def __init__(self) -> None:
        self._of: Simulation | None = None
        self._run: Run | None = None

    def advance(self, simulation: Simulation, until: int) -> None:
        """See `Backend.advance`. Ctrl-C is heard within about a second."""
        if simulation is not self._of:
            self._of, self._run = simulation, _compiled(simulation)
        if self._run is None:
            NumpyBackend().advance(simulation, until)
        elif not self._run.advance(simulation, until):
            NumpyBackend().advance(simulation, simulation.step + 1)  # raises the reference's error
            raise AssertionError("the compiled loop refused a step that the reference takes")


def _compiled(simulation: Simulation) -> Run | None:
    try:
        return Run(simulation)
    except BackendError as reason:
        warnings.warn(f"the NumPy loop takes over: {reason}", FallbackWarning, stacklevel=4)
        return None
