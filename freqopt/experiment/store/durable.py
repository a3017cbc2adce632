"""Files that are whole or absent, and stay so when the power fails."""

from __future__ import annotations

import hashlib
import itertools
import os
from pathlib import Path

from freqopt.errors import ResultError

PARTIAL = ".partial"
"""How files end whose writing was begun."""
_numbers = itertools.count()


def write(path: Path, content: bytes) -> None:
    """Write a file under another name, see it and its name to the disk, and rename it.

    Raises
    ------
    ResultError
        It cannot be written; nothing of it is left.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.{next(_numbers)}{PARTIAL}")
    try:
        try:
            _put(partial, content)
            try:
                partial.replace(path)
            except FileNotFoundError:  # `collect`, begun a moment before, took it for a leftover
                _put(partial, content)
                partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)  # there only if something went wrong
        _sync_folder(path.parent)
    except (OSError, MemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not enough memory"
        raise ResultError(
            f"a result cannot be written to {path.parent} ({reason}); make room, or choose "
            "another folder, and run again: finished runs are kept"
        ) from None


def _put(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_named(folder: Path, content: bytes, before: str = "", after: str = "") -> Path:
    """Write a file whose name is the SHA-256 of its content: `sha256sum` verifies it."""
    path = folder / f"{before}{hashlib.sha256(content).hexdigest()}{after}"
    write(path, content)
    return path


def is_intact(path: Path, content: bytes) -> bool:
    """Whether the content is what the file's name says."""
    digest = path.name.partition(".")[0].rpartition("-")[2]
    return hashlib.sha256(content).hexdigest() == digest


def remove(path: Path) -> None:
    """Delete a file, if it is there and may be deleted."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def files(folder: Path, suffix: str, *, whole: bool = False) -> list[Path]:
    """Plain files of a folder with a suffix, by name; none if there is no such folder.

    Links are no plain files. The folder itself may be one only if it is the `whole` folder of
    results, whose parts lie in it: what is removed there is nobody else's.
    """
    if not whole:
        refuse_link(folder)
    try:
        with os.scandir(folder) as entries:
            plain = [e.name for e in entries if e.is_file(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ResultError(
            f"the folder {folder} cannot be read ({error.strerror}); check its permissions"
        ) from None
    return [folder / n for n in sorted(plain) if n.endswith(suffix) and not n.startswith(".")]


def refuse_link(folder: Path) -> None:
    """Raise ResultError if a folder within a folder of results is a link out of it."""
    if os.path.islink(folder):  # noqa: PTH114 - a name too long is no link
        raise ResultError(
            f"{folder} is a link; only files inside {folder.parent} are read and removed, so "
            "put the files there, or make the folder of results itself the link"
        )


def _sync_folder(folder: Path) -> None:
    """See a folder's new names to the disk; some network file systems cannot, and need not."""
    try:
        place = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(place)
    except OSError:
        pass
    finally:
        os.close(place)
