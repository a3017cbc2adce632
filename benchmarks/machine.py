"""Where figures are from, and how far they spread."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import numba
import numpy as np


def machine() -> str:
    """The processor, its cores, and versions."""
    return (
        f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"NumPy {np.__version__}, Numba {numba.__version__}."
    )


def processor() -> str:
    """The processor's name as the system gives it, or its family."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("model name", "Model", "cpu model")):
                return " ".join(line.partition(":")[2].split())
    except OSError:
        pass
    if platform.system() == "Darwin":
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.stdout.strip():
            return done.stdout.strip()
    return platform.processor() or platform.machine()


def spread(times: np.ndarray) -> str:
    """How far a contender's own rounds are apart: quickest and slowest over the median, in %.

    Of figures that move together, a neighbour on the machine is the cause.
    """
    known = times[~np.isnan(times)]
    middle = float(np.median(known))
    return f"{100 * (known.min() / middle - 1):+.0f} to {100 * (known.max() / middle - 1):+.0f}"
