"""Which files of the user's this process calls, for its guard to name if it ends without a word.

They are noted in memory that the process shares with its guard: a segmentation fault leaves no time
to tell, and a study file names no rule file of a study that the command line does not.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager

ROOM = 1 << 16
"""Bytes for the names; those beyond are left out."""

_shared: mmap.mmap | None = None
_imported: list[str] = []
_importing: list[str] = []


def share() -> None:
    """Note files where a child that is forked now, and this process, both see them."""
    global _shared  # noqa: PLW0603
    _shared = mmap.mmap(-1, ROOM)


@contextmanager
def importing(path: str) -> Iterator[None]:
    """Around the import of a file: until its end, nothing else of the user's is called."""
    _importing.append(path)
    _note()
    try:
        yield
    finally:
        _importing.pop()
        if path not in _imported:
            _imported.append(path)
        _note()


def called() -> list[str]:
    """The file that is being imported, or all that have been."""
    if _shared is None:
        return []
    noted = _shared[:].rstrip(b"\0").split(b"\0")
    return [os.fsdecode(one) for one in noted if one]


def _note() -> None:
    if _shared is not None:
        noted = b"".join(os.fsencode(one) + b"\0" for one in _importing[-1:] or _imported)
        _shared[:] = noted[: noted.rfind(b"\0", 0, ROOM) + 1].ljust(ROOM, b"\0")
