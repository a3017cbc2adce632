"""Numba on the processor's cores: the fused sparse step, with the reference's bits."""

from __future__ import annotations

from freqopt.backends.numba._step import step
from freqopt.backends.numba._workspace import Workspace

__all__ = ["Workspace", "step"]
