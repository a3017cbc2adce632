"""The device: a GPU, or its twin on the processor."""

from __future__ import annotations

import os
from types import ModuleType

from freqopt.backends.cupy import _gpu, _twin


def chosen_device() -> ModuleType:
    """The GPU, or with FREQOPT_CUDA_TWIN=1 in the environment its twin on the processor.

    Raises
    ------
    BackendError
        It cannot be used; the message says what is missing.
    """
    if os.environ.get("FREQOPT_CUDA_TWIN") == "1":
        _twin.compiler()
        return _twin
    _ = _gpu.xp
    return _gpu
