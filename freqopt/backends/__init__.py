"""Floor 3: what carries a simulation forward. One file per backend, all with the same bits."""

from __future__ import annotations

from freqopt._discovery import Registry
from freqopt.backends._backend import Backend, FallbackWarning
from freqopt.backends._movement import Movement
from freqopt.backends._simulation import Factorised, Simulation, Table
from freqopt.errors import BackendError

backends: Registry[Backend] = Registry(__name__, Backend, "backend", BackendError)
"""Every backend by name: `backends["numpy"]` is its class, `list(backends)` the names."""

DEFAULT = "numba"
"""The backend where none is named."""

__all__ = [
    "DEFAULT",
    "Backend",
    "Factorised",
    "FallbackWarning",
    "Movement",
    "Simulation",
    "Table",
    "backends",
]
