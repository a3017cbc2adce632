"""Files of the user's that a run's numbers come from, and their SHA-256.

A Python file counts with what it imports from its own folder (`freqopt._imports`). Of data, the
files that the problem declares count: fields called `path`, and fields whose values are
`pathlib.Path`, wherever they stand, official test rows beside them, and installed data that are
not the same everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from freqopt._files import is_file, is_folder, opened
from freqopt._imports import imported_files
from freqopt.data.registry import installed_file
from freqopt.errors import ResultError
from freqopt.problems._sources import Source

SOURCE = set(Source.model_fields)
"""Fields of what names installed data."""


def data_files(problem: Any) -> list[str]:
    """Paths in the fields that a problem declares to be files.

    Parameters
    ----------
    problem : tree of mappings, sequences and plain values
        `Problem.model_dump()`.
    """
    if isinstance(problem, dict):
        named = [
            str(value)
            for key, value in problem.items()
            if isinstance(value, Path) or (key == "path" and isinstance(value, str))
        ]
        if problem.keys() >= SOURCE and isinstance(problem["name"], str):
            file = installed_file(problem["name"])
            named += [] if file is None else [str(file)]
        elif problem.keys() >= SOURCE:
            named += [str(file) for file in Source(**problem).files()[1:]]
        return named + [one for value in problem.values() for one in _inside(value)]
    return list(_inside(problem))


def _inside(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from data_files(value)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from [str(one)] if isinstance(one, Path) else _inside(one)


def content_hash(name: str) -> str:
    """SHA-256 of a file, of a Python file with its imports, or of all files in a folder.

    Raises
    ------
    ResultError
        One of them cannot be read.
    """
    path = Path(name)
    try:
        if is_folder(path):
            files = sorted(one for one in path.rglob("*") if is_file(one))
        else:
            files = imported_files(path) if path.suffix == ".py" else [path]
        if files == [path]:
            return _file_hash(path)
        parts = [(file.relative_to(path.parent).as_posix(), _file_hash(file)) for file in files]
    except OSError as error:
        raise ResultError(
            f"{error.filename} cannot be read ({error.strerror}), so that runs which depend on it "
            "cannot be named; check the path and its permissions"
        ) from None
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _file_hash(path: Path) -> str:
    status = path.stat()
    return _hash_once(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1024)
def _hash_once(path: Path, size: int, modified: int) -> str:  # noqa: ARG001 - a change is another call
    """SHA-256 of a file, which may be large: once for all runs that name it."""
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
