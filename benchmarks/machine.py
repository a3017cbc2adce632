"""One line about where figures are from."""

from __future__ import annotations

import os
import platform

import numba
import numpy as np


def machine() -> str:
    """Processor family, cores and versions."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"NumPy {np.__version__}, Numba {numba.__version__}."
    )
