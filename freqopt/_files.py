"""Files that a user names: regular files only, under names of any kind.

`Path.is_file` raises where a name is too long, and to open a pipe that nobody writes to waits for
ever. Here such a name is no file's, and such a file cannot be read.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from freqopt.errors import FreqoptError


def is_file(path: str | Path) -> bool:
    """Whether there is a regular file of this name."""
    return os.path.isfile(path)  # noqa: PTH113 - this one does not raise


def is_folder(path: str | Path) -> bool:
    """Whether there is a folder of this name."""
    return os.path.isdir(path)  # noqa: PTH112 - this one does not raise


def resolved(path: Path) -> Path:
    """The path without links and dots; as it is, if no file can have it, which opening it tells."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a ring of links, a zero byte
        return path.absolute()


def opened(path: str | Path) -> BufferedReader:
    """A regular file, to be read.

    Raises
    ------
    OSError
        With `strerror` for a message: also for a pipe, a socket or a device, which may never end.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except ValueError:
        raise OSError(errno.EINVAL, "no file has such a name") from None
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        raise OSError(errno.EINVAL, "it is no regular file")
    return os.fdopen(handle, "rb")


LARGEST = 1 << 30
"""Bytes of a file that is read whole: a study, a manifest, an answer, a figure's data."""


def read(path: str | Path) -> bytes:
    """The content of a regular file.

    Raises
    ------
    OSError
        As `opened`; or it is larger than anything that is read whole.
    """
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > LARGEST:
            raise OSError(errno.EFBIG, f"it has {size} bytes, more than {LARGEST}")
        return file.read()


def as_path(given: object, what: str, error: type[FreqoptError]) -> Path:
    """A path that was given to a function.

    Raises
    ------
    FreqoptError
        Of the given class: it is none, or empty, which to the system is the working directory.
    """
    if not isinstance(given, str | os.PathLike) or not os.fspath(given):
        raise error(f"{given!r} names no {what}; give its path")
    return Path(given)
