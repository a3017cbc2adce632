"""A folder of results, as a sweep writes to it.

    runs/       the runs: `segments.py`
    studies/    which study has which runs: `members.py`
    states/     runs on the way, and ends that may be gone on from: `states.py`
    damaged/    files of `runs/` and `studies/` that were not what they had been
    claims.sqlite, owners/    who is at work: `claims.py`

All of it can be read while it is written, by any number of processes, and what is finished is never
changed; several sweeps may write at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from freqopt.errors import ResultError
from freqopt.experiment.store import durable, members, segments, states
from freqopt.experiment.store.rescue import rescued
from freqopt.experiment.store.rows import Stored, concatenated, with_about
from freqopt.experiment.store.segments import Segments

if TYPE_CHECKING:
    import pyarrow as pa

DAMAGED = "damaged"
OFTEN, SELDOM = 1.0, 30.0
"""Seconds of finished work that wait at most to be written, at first and in a long sweep."""
SMALL, MANY = 1 << 23, 64
"""Bytes of a file that is merged with others; how many of them are merged while a sweep goes on."""


class Database:
    """A folder of results to write to.

    Parameters
    ----------
    folder : Path

    Attributes
    ----------
    segments : Segments
    notices : list of str
        What was found wrong, and what became of it.
    replaced : list of str
        Names of damaged files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.segments = folder, Segments(folder)
        self.notices: list[str] = []
        self.replaced: list[str] = []
        self._lock = threading.RLock()
        self._pending: list[tuple[Sequence[Stored], pa.Table]] = []
        self._then: list[Callable[[], object]] = []
        self._work, self._began = 0.0, time.monotonic()
        self._written: list[Path] = []

    def prepare(self) -> None:
        """Make the folder, try to write in it, and see what is stored.

        Raises
        ------
        ResultError
            It cannot be written to, or read.
        """
        parts = (segments.FOLDER, members.FOLDER, states.FOLDER)
        for name in (*parts, DAMAGED):
            durable.refuse_link(self.folder / name)
        try:
            for name in parts:
                (self.folder / name).mkdir(parents=True, exist_ok=True)
                trial = self.folder / name / ".trial"
                durable.write(trial, b"freqopt")
                durable.remove(trial)
        except OSError as error:
            raise ResultError(
                f"results cannot be written to {self.folder} ({error.strerror}); free the path "
                "or choose another folder with --results"
            ) from None
        self.refresh()
        for path, reason in members.damaged_files(self.folder).items():
            self._move_aside(path)
            self.notices.append(f"{reason}; it is now in {self.folder / DAMAGED}")
        for path, reason in self.segments.foreign.items():
            self.notices.append(f"{path} {reason}")
        old = len(durable.files(self.folder, segments.SUFFIX, whole=True))
        if old:
            self.notices.append(
                f"{self.folder} holds {old} results of an earlier version, one file each; "
                f"`freqopt results migrate {self.folder}` takes them over"
            )

    def refresh(self) -> None:
        """Look at what others have stored meanwhile, and save what is left of damaged files."""
        with self._lock:
            self.segments.refresh()
            for path, reason in list(self.segments.damaged.items()):
                self._set_aside(path, reason)

    def put(
        self, runs: Sequence[Stored], rows: pa.Table, then: Callable[[], object] | None = None
    ) -> None:
        """Store runs, at the latest together with some seconds' work of others.

        Parameters
        ----------
        runs : sequence of Stored
        rows : their readings, below each other
        then : callable, optional
            What is to be done once they are on the disk.

        Raises
        ------
        ResultError
            They cannot be written.
        """
        self._pending.append((runs, rows))
        self._then += [then] if then else []
        self._work += sum(run.seconds for run in runs)
        if self._work >= min(SELDOM, OFTEN + (time.monotonic() - self._began) / 50):
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._pending:
            runs = [run for some, _ in self._pending for run in some]
            rows = concatenated([table for _, table in self._pending])
            with self._lock:
                path = self.segments.add(with_about(runs, rows))
            self._written.append(path)
        self._pending, self._work = [], 0.0
        for then in self._then:
            then()
        self._then = []
        if len(self._written) >= MANY:
            self.merge()

    def merge(self) -> None:
        """Make one file of the small ones that this sweep has written."""
        small = [p for p in self._written if p.is_file() and p.stat().st_size < SMALL]
        self._written = []
        if len(small) < 2:
            self._written = small
            return
        try:
            tables = [self.segments.read(path) for path in small]
            whole = concatenated(tables).unify_dictionaries().combine_chunks()
            with self._lock:
                self._written = [self.segments.replace(small, whole)]
        except ResultError as error:  # then they stay as they are
            self.notices.append(f"files of {self.segments.folder} were not merged: one {error}")

    def _set_aside(self, path: Path, reason: str) -> None:
        """Move a damaged file out of the way, and store anew what is whole in it."""
        saved, count = rescued(path), 0
        self._move_aside(path)
        if saved is not None:
            count = len(self.segments.keys_of[self.segments.add(saved)])
        self.segments.damaged.pop(path, None)
        self.replaced.append(path.name)
        self.notices.append(
            f"{path.name} {reason}; {count} runs in it are whole and were saved, any other is "
            f"computed anew; the file is now in {self.folder / DAMAGED}"
        )

    def _move_aside(self, path: Path) -> None:
        aside = self.folder / DAMAGED / path.name
        try:
            aside.parent.mkdir(exist_ok=True)
            path.replace(aside)
        except OSError as error:
            raise ResultError(
                f"the damaged file {path} cannot be moved ({error.strerror}); delete it"
            ) from None
