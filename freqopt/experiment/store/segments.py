"""The stored runs: `runs/SHA256.parquet`, each file thousands of runs, never changed once written.

A file's name is the SHA-256 of its content, so that a change of any byte is noticed, with
`sha256sum` as well as here. Files are read by several writers' processes while others add to them
and merge their own; a run that is in two files is the same in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from freqopt.errors import ResultError
from freqopt.experiment.store import durable
from freqopt.experiment.store.rows import (
    ABOUT,
    READINGS,
    ForeignError,
    Stored,
    codes,
    from_bytes,
    to_bytes,
)

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIX = ".parquet"
FOLDER = "runs"
READERS = 2


class Place(NamedTuple):
    """Where a run's rows lie: those from `first` on of a file."""

    path: Path
    first: int
    rows: int


class Segments:
    """The files of runs below a folder of results, and what is in them.

    Attributes
    ----------
    places : key -> Place
    of_trajectory : trajectory -> keys
    damaged, foreign : path -> reason
        Files that are not what they were when they were written, and those of another version.
    """

    def __init__(self, results: Path) -> None:
        self.folder = results / FOLDER
        self.places: dict[str, Place] = {}
        self.of_trajectory: dict[str, dict[str, None]] = {}
        self.damaged: dict[Path, str] = {}
        self.foreign: dict[Path, str] = {}
        self.keys_of: dict[Path, list[str]] = {}

    def refresh(self) -> None:
        """Take up files that were added since the last time, and forget those that are gone."""
        there = durable.files(self.folder, SUFFIX)
        if set(self.keys_of) - set(there):  # another process has merged some: look at all anew
            self.places, self.of_trajectory, self.keys_of = {}, {}, {}
        known = {*self.keys_of, *self.damaged, *self.foreign}
        new = [path for path in there if path not in known]
        with ThreadPoolExecutor(READERS) as readers:
            for path, found in zip(new, readers.map(self._open, new), strict=True):
                if isinstance(found, ForeignError):
                    self.foreign[path] = str(found)
                elif isinstance(found, ResultError):
                    if path.exists():  # or another process has merged it meanwhile
                        self.damaged[path] = str(found)
                else:
                    self._take_up(path, *found)

    def add(self, table: pa.Table) -> Path:
        """Store runs: a table as `rows.with_about` makes it."""
        path = durable.write_named(self.folder, to_bytes(table), after=SUFFIX)
        self._take_up(path, *runs_of(table))
        return path

    def replace(self, old: Iterable[Path], table: pa.Table) -> Path:
        """Store runs of some files in one; the files go once that is on the disk."""
        path = self.add(table)
        for one in old:
            if one != path:
                durable.remove(one)
                self.keys_of.pop(one, None)
        return path

    def read(self, path: Path, columns: Iterable[str] | None = None) -> pa.Table:
        """The rows of a file.

        Raises
        ------
        ResultError
            It is damaged or cannot be read; the message begins with the verb.
        """
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise ResultError("is gone") from None
        except OSError as error:
            raise ForeignError(
                f"cannot be read ({error.strerror}); check its permissions"
            ) from None
        if not durable.is_intact(path, content):
            raise ResultError("is damaged: its SHA-256 is not the one in its name")
        return from_bytes(content, None if columns is None else list(columns))

    def tables(
        self, keys: Iterable[str], columns: Iterable[str] = (*ABOUT, *READINGS)
    ) -> Iterator[tuple[str, pa.Table]]:
        """The rows of some runs, file by file, each with its key."""
        by_file: dict[Path, list[str]] = {}
        for key in keys:
            by_file.setdefault(self.places[key].path, []).append(key)
        for path, inside in by_file.items():
            table = self.read(path, columns)
            for key in inside:
                place = self.places[key]
                yield key, table.slice(place.first, place.rows)

    def about(self, keys: Iterable[str]) -> Iterator[Stored]:
        """What is known of some runs beside their readings."""
        for _, table in self.tables(keys, (*ABOUT, "seconds", "diverged_at")):
            first = table.slice(0, 1).to_pylist()[0]
            yield Stored(**first, rows=table.num_rows)

    def _open(self, path: Path) -> tuple[Any, ...] | ResultError:
        """Keys, trajectories, first rows and numbers of rows; or what is wrong with the file."""
        try:
            return runs_of(self.read(path, ("key", "trajectory")))
        except ResultError as error:
            return error

    def _take_up(
        self, path: Path, keys: list[str], trajectories: list[str], first: Any, rows: Any
    ) -> None:
        self.keys_of[path] = keys
        for key, trajectory, start, size in zip(
            keys, trajectories, first.tolist(), rows.tolist(), strict=True
        ):
            self.of_trajectory.setdefault(trajectory, {})[key] = None
            self.places[key] = Place(path, start, size)


def runs_of(table: pa.Table) -> tuple[list[str], list[str], Any, Any]:
    """Keys, trajectories, first rows and numbers of rows of the runs in a table."""
    of, words = codes(table["key"])
    if not of.size:
        return [], [], np.zeros(0, np.int64), np.zeros(0, np.int64)
    first = np.flatnonzero(np.concatenate([[True], of[1:] != of[:-1]]))
    rows = np.diff(first, append=of.size)
    trajectory, names = codes(table["trajectory"])
    return (
        [words[k] for k in of[first].tolist()],
        [names[k] for k in trajectory[first].tolist()],
        first,
        rows,
    )
