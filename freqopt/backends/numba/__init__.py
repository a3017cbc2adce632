"""Numba on the processor's cores: the fused step and the whole loop, with the reference's bits."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from freqopt.backends._backend import Backend, FallbackWarning
from freqopt.backends._simulation import Simulation
from freqopt.backends.numpy import NumpyBackend
from freqopt.errors import BackendError
from freqopt.problems import Problem

if TYPE_CHECKING:
    from freqopt.backends.numba.batch._workspace import Workspace
    from freqopt.backends.numba.fused_step._step import catch_up, step, step_group
    from freqopt.backends.numba.loop._run import CompiledLoop

__all__ = ["FallbackWarning", "NumbaBackend", "Workspace", "catch_up", "step", "step_group"]

PATIENCE = 1.0
"""Processor seconds of the NumPy loop for which a loop is compiled, which takes a few."""
MUCH = 10_000
"""Steps that NumPy makes up for in less time than a kernel is compiled."""
STRETCH = 32
"""Steps of the NumPy loop between two looks at the clock."""


@dataclass
class _Walked:
    """What the NumPy loop did in this process instead of a certain compiled loop."""

    seconds: float = 0.0
    """Of processor time."""
    pace: float = math.inf
    """Seconds per step where it went best."""

    def expected(self, steps: int) -> float:
        """Seconds for that many steps; those that it took already if that is more."""
        return max(self.seconds, self.pace * steps if self.pace < math.inf else 0.0)


_walked: dict[str, _Walked] = {}
"""By the loop's name, or by why there is none."""

_PLACES = {
    "Workspace": "batch._workspace",
    "catch_up": "fused_step._step",
    "step": "fused_step._step",
    "step_group": "fused_step._step",
}


def __getattr__(name: str) -> Any:
    """The step, once it is asked for.

    It takes 0.2 s to import the compiler. The process of `simulate` that hands out runs to others
    has no use for it, and they wait until it is ready.
    """
    if name in _PLACES:
        return getattr(_load(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _load(module: str) -> ModuleType:
    """A module of ours that compiles.

    Raises
    ------
    BackendError
        Numba is installed, and does not load; or it is told not to compile.
    """
    try:
        with warnings.catch_warnings():  # Numba warns of them, with a traceback
            warnings.filterwarnings("error", "Environment variable", RuntimeWarning)
            return import_module(f"{__name__}.{module}")
    except BackendError:
        raise
    except (ImportError, OSError, ValueError, RuntimeWarning) as error:  # the last two: environment
        reason = str(error).partition("\n")[0].rstrip(".")
        raise BackendError(
            f"Numba does not load: {reason}. Install one that suits the NumPy and "
            "the Python here, unset the NUMBA_ variables of the environment, or choose the backend "
            "numpy"
        ) from error


class NumbaBackend(Backend):
    """Sampling, gradient and step of a whole stretch in one compiled call.

    A loop that is not compiled yet is not worth compiling for a few steps: the NumPy loop begins,
    and gives over to the compiled one once that is on disk, or if the NumPy loop would take, or
    took, longer than `patience`. What the compiled loop does not do stays with the NumPy loop; if
    that takes as long a `FallbackWarning` says why. The numbers are the same.

    Parameters
    ----------
    patience : float
        Processor seconds; 0 compiles at once.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._of: Simulation | None = None
        self._run: CompiledLoop | None = None
        self._reason = ""

    def advance(self, simulation: Simulation, until: int) -> None:
        """See `Backend.advance`. Ctrl-C is heard within about a second.

        Raises
        ------
        BackendError
            Numba is installed, and does not load.
        """
        if simulation is not self._of:
            loop = _load("loop._run")
            self._of, self._run, self._reason = simulation, None, ""
            try:
                self._run = loop.CompiledLoop(simulation)
            except BackendError as reason:
                self._reason = f"the NumPy loop takes over: {reason}"
        while simulation.step < until and not self._compiled():
            self._walk(simulation, min(until, simulation.step + STRETCH))
        if self._run is None or self._run.advance(simulation, until):
            return
        NumpyBackend().advance(simulation, simulation.step + 1)  # raises the reference's error
        raise AssertionError("the compiled loop refused a step that the reference takes")

    def catch_up(self, simulation: Simulation) -> None:
        """`Simulation.catch_up`, compiled where there may be much to make up for."""
        rule = simulation.rule
        if not rule.catches_up_before_reading or simulation.step < MUCH or self._run is None:
            simulation.catch_up()
            return
        from freqopt.backends.numba.fused_step._step import catch_up

        for name, array in simulation.parameters.items():
            catch_up(rule, array, simulation.states[name])

    def objective(self, problem: Problem, tables: Mapping[str, Any]) -> float:
        """`Problem.objective`; compiled, where it can be, once NumPy has taken `patience`."""
        walked = _walked.setdefault(f"the objective of {problem.name()}", _Walked())
        find = _load("problems._kernel").find_objective
        if compiled := find(problem, compiling=walked.seconds >= self._patience):
            return float(compiled(problem, tables))
        began = time.thread_time()
        try:
            return problem.objective(tables)
        finally:
            walked.seconds += time.thread_time() - began

    def _compiled(self) -> bool:
        """Whether the compiled loop can go on: it is ready, or it is worth while to compile it."""
        if self._run is not None:
            return self._run.ready(compiling=self._too_slow(self._run.key))
        if self._reason and self._too_slow(self._reason):
            warnings.warn(self._reason, FallbackWarning, stacklevel=4)
            self._reason = ""
        return False

    def _too_slow(self, key: str) -> bool:
        """Whether the NumPy loop takes longer than `patience`."""
        return _walked.get(key, _Walked()).expected(self.ahead) >= self._patience

    def _walk(self, simulation: Simulation, until: int) -> None:
        """Take steps in the NumPy loop, and note the time."""
        walked = _walked.setdefault(self._reason if self._run is None else self._run.key, _Walked())
        first, began = simulation.step, time.thread_time()
        try:
            NumpyBackend().advance(simulation, until)
        finally:
            took = time.thread_time() - began
            if walked.seconds:  # at first there is more to do
                walked.pace = min(walked.pace, took / max(1, simulation.step - first))
            walked.seconds += took
