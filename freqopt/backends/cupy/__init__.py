"""CuPy on a GPU: the fused step and the whole loop, with the reference's bits.

The kernels in `source/`, `rules/` and `problems/` are CUDA. The CPU twin compiles the same text as
C++ and runs it without a GPU, which is how the ordinary tests judge it.
"""

from __future__ import annotations

import warnings
from types import ModuleType

from freqopt.backends._backend import Backend, FallbackWarning
from freqopt.backends._simulation import Simulation
from freqopt.backends.cupy import _gpu
from freqopt.backends.cupy._loop import Runs
from freqopt.backends.cupy._step import Stepper, settle, step
from freqopt.backends.numpy import NumpyBackend
from freqopt.errors import BackendError

__all__ = ["CupyBackend", "FallbackWarning", "Runs", "Stepper", "settle", "step"]


class CupyBackend(Backend):
    """Sampling, gradient and step of a whole stretch in one launch.

    Many simulations side by side are what a GPU is for: see `Runs`. What the device's loop does
    not do runs in the NumPy loop, with a `FallbackWarning` that says why.

    Parameters
    ----------
    device : module
        The GPU, or the twin.

    Raises
    ------
    BackendError
        There is no GPU that can be used; the message says what is missing.
    """

    def __init__(self, device: ModuleType = _gpu) -> None:
        self._device = device
        _ = device.xp  # is there a GPU?
        self._of: Simulation | None = None
        self._runs: Runs | None = None

    def advance(self, simulation: Simulation, until: int) -> None:
        """See `Backend.advance`. Ctrl-C is heard between two calls."""
        if simulation is not self._of:
            self._of, self._runs = simulation, self._made(simulation)
        if self._runs is None:
            NumpyBackend().advance(simulation, until)
            return
        self._runs.advance(until)
        self._runs.fetch()
        if simulation.step < until:
            NumpyBackend().advance(simulation, simulation.step + 1)  # raises the reference's error
            raise AssertionError("the device's loop refused a step that the reference takes")

    def _made(self, simulation: Simulation) -> Runs | None:
        try:
            return Runs([simulation], self._device)
        except BackendError as reason:
            warnings.warn(f"the NumPy loop takes over: {reason}", FallbackWarning, stacklevel=3)
            return None
