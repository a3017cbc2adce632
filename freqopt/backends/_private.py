"""Compiled code on disk is code: it is taken only from where nobody but the caller could write.

A folder or file counts as private if it is the caller's own, is no link, and neither group nor
others may write to it. Elsewhere than on POSIX systems the user's cache is private by its place.
"""

from __future__ import annotations

import os
import stat
import warnings
from functools import cache
from pathlib import Path

from freqopt.backends._backend import FallbackWarning


@cache
def private(folder: Path) -> Path | None:
    """The folder, made if need be; None if it is not private, which is said once, or not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ours = is_private(folder.lstat())
    except OSError:
        return None
    if ours:
        return folder
    warnings.warn(
        f"compiled kernels in {folder} are ignored, since others than you could have written them; "
        "delete it, or set XDG_CACHE_HOME to a folder of your own",
        FallbackWarning,
        stacklevel=2,
    )
    return None


def is_private(status: os.stat_result) -> bool:
    """Whether what has this status is the caller's and nobody else may write to it."""
    if not hasattr(os, "geteuid"):  # pragma: no cover
        return True
    shared = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return status.st_uid == os.geteuid() and not shared and not stat.S_ISLNK(status.st_mode)


def read_private(path: Path) -> bytes:
    """The content of a private regular file; empty if it is none, or cannot be read."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())  # of what is open, whatever the path is by now
            return file.read() if stat.S_ISREG(status.st_mode) and is_private(status) else b""
    except OSError:
        return b""
