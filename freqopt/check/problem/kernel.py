"""Does a problem's kernel draw and compute what `draw` and `gradients` do, to the bit?"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from freqopt.backends import FallbackWarning, Simulation
from freqopt.backends.numba import NumbaBackend
from freqopt.backends.numpy import NumpyBackend
from freqopt.check.journal import Journal
from freqopt.check.problem.instances import Instance, line_of
from freqopt.errors import BackendError, FreqoptError
from freqopt.optimizers import rules

STEPS = 40


def check_kernel(at: Instance, notes: Journal) -> None:
    """Find what is compiled, and let the compiled loops and NumPy's take some steps."""
    from freqopt.backends.numba.problems._kernel import find_problem

    try:
        find_problem(at.problem, "float64")
    except BackendError as error:
        notes.left(f"the kernel: {error}")
        return
    except FreqoptError as error:
        notes.fault(str(error))
        return
    loops: dict[str, Any] = {"numba": NumbaBackend(patience=0), "cuda": _twin_loop()}
    for name, dtype, batch in (("numba", "float64", 3), ("cuda", "float32", 1)):
        if loops[name] is None:
            notes.left("the kernel as CUDA, compiled for the CPU: there is no C++ compiler")
            continue
        runs = []
        for backend in (NumpyBackend(), loops[name]):
            simulation = Simulation.begin(
                at.problem, rules["sgd"](lr=0.05), steps=STEPS, batch=batch, dtype=dtype
            )
            tables = []
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FallbackWarning)
                for step in (1, 2, 3, STEPS):
                    backend.advance(simulation, step)
                    tables.append({n: np.array(t) for n, t in simulation.tables.items()})
            runs.append(tables)
        for step, one, other in zip((1, 2, 3, STEPS), *runs, strict=True):
            for which, table in one.items():
                if not np.array_equal(table, other[which], equal_nan=True):
                    row, column = np.argwhere(table != other[which])[0].tolist()
                    a, b = table[row, column].item(), other[which][row, column].item()
                    notes.fault(
                        f"the kernel does not say what draw and gradients say: after {step} steps "
                        f"of batches of {batch} in {dtype}, table {which}, row {row}, column "
                        f"{column}: gradients lead to {a!r}, the kernel to {b!r}, {abs(a - b):.3g} "
                        f"apart; {line_of(at.kind, 'kernel')}, its fields and functions"
                    )
                    return
    notes.judged(f"the kernel, compiled: {STEPS} steps with the bits of draw and gradients")


def _twin_loop() -> Any:
    """The CUDA loop compiled for the CPU; None where nothing compiles it."""
    from freqopt.backends.cupy import CupyBackend, _twin

    try:
        _twin.compiler()
    except BackendError:
        return None
    return CupyBackend(_twin)
