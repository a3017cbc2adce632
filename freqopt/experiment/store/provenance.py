"""What a result needs to be believed in five years, beside what its key covers."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from freqopt._version import __version__

_PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "pyarrow", "pydantic")


@cache
def origin() -> dict[str, str]:
    """The command that asked for runs, and the commit of a checkout that it was given in."""
    return {"command": " ".join(sys.argv), "commit": _commit()}


@cache
def provenance(command: str, commit: str) -> str:
    """JSON of what runs in this process: versions, machine, and since when.

    Parameters
    ----------
    command, commit : str
        `origin()` of the process that asked for the runs.
    """
    about = {
        "freqopt": __version__,
        "commit": commit,
        "command": command,
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "machine": {
            "name": platform.node(),
            "system": f"{sys.platform} {platform.release()} {platform.machine()}",
            "processor": _processor(),
            "cores": os.cpu_count(),
        },
    }
    return json.dumps(about)


def _commit() -> str:
    """The commit of the checkout that freqopt is imported from, "+" if files differ; or empty."""
    checkout = Path(__file__).parents[3]
    if not (checkout / ".git").exists():
        return ""
    git = ["git", "-C", str(checkout), "describe", "--always", "--abbrev=40", "--dirty=+"]
    try:
        return subprocess.run(
            git, capture_output=True, text=True, timeout=10, check=False
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")
