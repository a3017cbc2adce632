"""CuPy on a GPU: the fused step and the whole loop, with the reference's bits.

The kernels in `source/`, `rules/` and `problems/` are CUDA. The CPU twin compiles the same text as
C++ and runs it without a GPU, which is how the ordinary tests judge it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from types import ModuleType

from freqopt.backends._backend import Backend, FallbackWarning
from freqopt.backends._simulation import Simulation
from freqopt.backends.cupy._device import chosen_device
from freqopt.backends.cupy._loop import Runs, alike, kernel_of
from freqopt.backends.cupy._problem import find_problem
from freqopt.backends.cupy._step import Stepper, catch_up, step
from freqopt.backends.numpy import NumpyBackend
from freqopt.errors import BackendError, GradientError

__all__ = ["CupyBackend", "FallbackWarning", "Runs", "Stepper", "catch_up", "chosen_device", "step"]


class CupyBackend(Backend):
    """Sampling, gradient and step of a whole stretch in one launch, of many simulations at once.

    What the device's loop does not do runs in the NumPy loop, with a `FallbackWarning` that says
    why.

    Parameters
    ----------
    device : module, optional
        The GPU or the twin; by default `chosen_device()`.

    Raises
    ------
    BackendError
        There is no GPU that can be used; the message says what is missing.
    """

    together = 4096

    def __init__(self, device: ModuleType | None = None) -> None:
        self._device = device or chosen_device()
        self._of: list[Simulation] = []
        self._runs: list[Runs] = []
        self._left: list[Simulation] = []

    def advance(self, simulation: Simulation, until: int) -> None:
        """See `Backend.advance`. Ctrl-C is heard within about a second."""
        (refused,) = self.advance_together([simulation], until)
        if refused is not None:
            raise refused

    def advance_together(
        self, simulations: Sequence[Simulation], until: int
    ) -> list[GradientError | None]:
        """See `Backend.advance_together`. Ctrl-C is heard within about a second."""
        if list(map(id, simulations)) != list(map(id, self._of)):
            self._take_up(simulations)
        for runs in self._runs:
            with self._device.room("runs side by side"):
                try:
                    runs.advance(until)
                finally:  # after Ctrl-C too
                    runs.fetch()
        left = NumpyBackend().advance_together(self._left, until)
        refused = dict(zip(map(id, self._left), left, strict=True))
        return [refused.get(id(one)) or _refusal(one, until) for one in simulations]

    def _take_up(self, simulations: Sequence[Simulation]) -> None:
        """Those that share a kernel side by side; the rest is left to the NumPy loop."""
        self._of, self._runs, self._left = [], [], []
        reasons = set()
        for group in alike(simulations):
            try:
                kernel_of(group[0], find_problem(group[0].problem))
            except BackendError as reason:  # there is no such kernel; any other error is one
                self._left += group
                reasons.add(str(reason))
            else:
                self._runs.append(Runs(group, self._device))
        for said in sorted(reasons):
            message = f"the NumPy loop takes over: {said}"
            warnings.warn(message, FallbackWarning, stacklevel=4)
        self._of = list(simulations)


def _refusal(simulation: Simulation, until: int) -> GradientError | None:
    """The reference's error for a simulation that stands before a step that the rule refuses."""
    if simulation.step >= until:
        return None
    try:
        NumpyBackend().advance(simulation, simulation.step + 1)
    except GradientError as error:
        return error.with_traceback(None)  # whose frames hold the device's memory
    raise AssertionError("the device's loop refused a step that the reference takes")
