"""Who is at work on which run, so that two sweeps on one store share the work.

A sweep claims runs in `claims.sqlite` before it begins them and lets go of them once they are
stored. It is known by a file of its own in `owners/`, on which it holds a lock that the operating
system takes back when the process ends, however it ends: no clock is asked whether an owner lives.

Claims only spare work. Without them, or with all of them lost, two sweeps do runs twice, to the
same bits. They are not kept where locks cannot be relied on: on network file systems.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from freqopt.errors import ResultError
from freqopt.experiment.store import durable

NETWORK = ("nfs", "cifs", "smb", "sshfs", "lustre", "ceph", "gpfs", "beegfs", "gluster", "afs",
           "9p", "orangefs", "pvfs", "davfs", "ncp", "panfs", "weka")  # fmt: skip
"""How the types of file systems begin, after `fuse.`, whose locks may not hold across machines."""
MOUNTS = Path("/proc/self/mounts")
WAIT = 20.0
"""Seconds to wait for the other's transaction."""


def network_type(folder: Path) -> str:
    """The type of a folder's file system if that is one of a network, or empty."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""  # not Linux
    place, found = folder.resolve(), ("", "")
    for line in lines:
        _, mounted, kind, *_ = line.split(" ")
        at = mounted.encode().decode("unicode_escape")
        if place.is_relative_to(at) and len(at) >= len(found[0]):
            found = at, kind
    kind = found[1].removeprefix("fuse.")
    return kind if kind.startswith(NETWORK) else ""


class Claims:
    """The claims of one sweep; a context that ends with all of them let go.

    Parameters
    ----------
    results : Path
        The folder of results.

    Attributes
    ----------
    refused : str
        Why there are no claims, in a sentence; empty if there are.
    shared : bool
        Whether another sweep was at work when runs were claimed last, or the time before.
    """

    def __init__(self, results: Path) -> None:
        self.path, self.owners = results / "claims.sqlite", results / "owners"
        self.refused, self._lock = "", -1
        self.shared, self._others = True, 1
        self.owner = uuid.uuid4().hex

    def __enter__(self) -> Self:
        kind = network_type(self.path.parent)
        if kind:
            self.refused = (
                f"{self.path.parent} lies on a network file system ({kind}), where claims do not "
                "hold: another sweep on it at the same time would do the same runs again"
            )
            return self
        try:
            self.owners.mkdir(exist_ok=True)
            hidden = self.owners / f".{self.owner}"  # unlocked for a moment, so that nobody sees it
            self._lock = _locked(hidden)
            hidden.rename(self.owners / self.owner)
            with closing(self._connect()) as claims, claims:
                claims.execute(
                    "CREATE TABLE IF NOT EXISTS claims (key TEXT PRIMARY KEY, owner TEXT)"
                )
        except (OSError, ImportError, sqlite3.Error) as error:
            self._give_up(error)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if not self.refused:
            self._do("DELETE FROM claims WHERE owner = ?", [(self.owner,)])
        if self._lock >= 0:
            with suppress(ResultError):
                self._bury()  # where nothing was to do, or no claim could be had, nobody has
            durable.remove(self.owners / self.owner)
            os.close(self._lock)
            self._lock = -1

    def take(self, keys: Sequence[str]) -> list[str]:
        """Claim runs; those of them that are now this sweep's. What the dead had is free."""
        if self.refused:
            self.shared = True  # for all that is known
            return list(keys)
        before, self._others = self._others, self.others()
        self.shared = bool(before or self._others)
        self._do("INSERT OR IGNORE INTO claims VALUES (?, ?)", [(k, self.owner) for k in keys])
        mine = set(self._ask("SELECT key FROM claims WHERE owner = ?", self.owner))
        return list(keys) if self.refused else [key for key in keys if key in mine]

    def let_go(self, keys: Sequence[str]) -> None:
        """End the claim on runs that are stored, or have failed."""
        if not self.refused:
            where = "DELETE FROM claims WHERE key = ? AND owner = ?"
            self._do(where, [(key, self.owner) for key in keys])

    def others(self) -> int:
        """How many other sweeps are at work on the store."""
        self._bury()
        return len({*durable.files(self.owners, "")} - {self.owners / self.owner})

    def _bury(self) -> None:
        """Take back what owners hold that live no more."""
        for path in durable.files(self.owners, ""):
            if path.name == self.owner:
                continue
            try:
                lock = _locked(path, create=False)
            except OSError:
                continue  # it lives, or is gone
            if not self.refused:
                self._do("DELETE FROM claims WHERE owner = ?", [(path.name,)])
            durable.remove(path)
            os.close(lock)
        if not self.refused:
            there = {path.name for path in durable.files(self.owners, "")} | {self.owner}
            gone = set(self._ask("SELECT DISTINCT owner FROM claims")) - there
            self._do("DELETE FROM claims WHERE owner = ?", [(owner,) for owner in gone])

    def _connect(self) -> sqlite3.Connection:
        # From the root: a relative name that begins with file: can be an address to SQLite.
        claims = sqlite3.connect(self.path.absolute(), timeout=WAIT)
        claims.execute("PRAGMA synchronous = OFF")  # what a power failure loses is worth nothing
        return claims

    def _do(self, statement: str, rows: Sequence[tuple[str, ...]]) -> None:
        try:
            with closing(self._connect()) as claims, claims:
                claims.executemany(statement, rows)
        except sqlite3.Error as error:
            self._give_up(error)

    def _ask(self, statement: str, *values: str) -> list[str]:
        try:
            with closing(self._connect()) as claims:
                return [key for (key,) in claims.execute(statement, values)]
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def _give_up(self, error: Exception) -> None:
        self.refused = (
            f"claims cannot be kept in {self.path} ({error}): another sweep on this folder at the "
            "same time would do the same runs again; delete that file when no sweep is at work"
        )


def _locked(path: Path, *, create: bool = True) -> int:
    """A file descriptor that holds the lock on a file, which ends with the process.

    Raises
    ------
    OSError
        Another process holds it, or there is no such file.
    """
    import fcntl

    place = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o666)
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(place)
        raise
    return place
