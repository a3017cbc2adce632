"""Removes what nobody needs from a folder of results, and puts small files together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from freqopt.backends import backends
from freqopt.errors import ResultError
from freqopt.experiment.store import durable, members, states
from freqopt.experiment.store.claims import Claims
from freqopt.experiment.store.code import code_hash
from freqopt.experiment.store.database import DAMAGED, SMALL
from freqopt.experiment.store.rows import codes, concatenated
from freqopt.experiment.store.segments import Segments, runs_of

if TYPE_CHECKING:
    import pyarrow as pa

LARGE = 1 << 26
"""Bytes of a file to which no more is added."""


@dataclass
class Collected:
    """What `collect` removed, or would.

    Attributes
    ----------
    leftovers, damaged, states, studies : int
        Files: begun and never finished; set aside; states nobody goes on from; studies in a form
        that later ones replace.
    runs : int
        Runs of other code, or stored twice.
    merged : int
        Files of runs that were put together.
    """

    leftovers: int = 0
    damaged: int = 0
    states: int = 0
    studies: int = 0
    runs: int = 0
    merged: int = 0


def collect(
    folder: Path, *, old_code: bool = False, all_states: bool = False, dry_run: bool = False
) -> Collected:
    """Remove what nobody needs.

    Parameters
    ----------
    folder : Path
    old_code : bool
        Runs of other code of the library than today's, which no study finds any more.
    all_states : bool
        Also states of runs on the way, and those from which longer runs would go on.
    dry_run : bool
        Remove nothing, and say what would be.

    Raises
    ------
    ResultError
        A sweep is at work there, or it is no folder of results.
    """
    if not (folder / "runs").is_dir():
        raise ResultError(f"{folder} is no folder of results; check the path")
    with Claims(folder) as claims:
        others = 0 if claims.refused else claims.others()
        if others:
            raise ResultError(
                f"{others} sweeps are at work on {folder}; wait until they are done, or end them"
            )
        remove: Callable[[Path], object] = _not_removed if dry_run else durable.remove
        found, segments = Collected(), Segments(folder)
        segments.refresh()
        for path in _leftovers(folder):
            found.leftovers += 1
            remove(path)
        for path in durable.files(folder / DAMAGED, ""):
            found.damaged += 1
            remove(path)
        for path in _states(folder, segments, all_states=all_states):
            found.states += 1
            remove(path)
        memberships, _ = members.read(folder)
        needed = {one.path for one, _ in members.latest(memberships)}
        for one in memberships:
            if one.path not in needed or (old_code and one.code not in _codes()):
                found.studies += 1
                if not dry_run:
                    members.remove(one.path)
        _merge(segments, found, old_code=old_code, dry_run=dry_run)
    return found


def _not_removed(path: Path) -> None:
    """What a dry run does with a file."""


def _leftovers(folder: Path) -> list[Path]:
    """Files whose writing was begun and never finished."""
    places = [folder, *(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink())]
    names = (f".*{durable.PARTIAL}", ".trial*")
    return [path for place in places for name in names for path in place.glob(name)]


def _states(folder: Path, segments: Segments, *, all_states: bool) -> list[Path]:
    """States that are damaged, or that lie before the end of a stored run."""
    found = []
    for path, inside in states.listed(folder):
        ends = [_end(segments, str(one["trajectory"])) for one in inside]
        behind = all(end > one["step"] for end, one in zip(ends, inside, strict=True))
        if all_states or behind:
            found.append(path)
    return found


def _end(segments: Segments, trajectory: str) -> int:
    """The step at which the longest stored run of a trajectory ends; -1 if there is none."""
    keys = [key for key in segments.of_trajectory.get(trajectory, ()) if key in segments.places]
    ends = [int(table["step"][table.num_rows - 1].as_py())
            for _, table in segments.tables(keys, ("step",))]  # fmt: skip
    return max(ends, default=-1)


def _codes() -> set[str]:
    """Hashes of today's code, by backend."""
    return {code_hash(name) for name in backends}


def _merge(segments: Segments, found: Collected, *, old_code: bool, dry_run: bool) -> None:
    """Files of some size, of the runs that are kept, each once."""
    seen = set[str]()
    group: list[tuple[Path, Any]] = []
    size = 0

    def close() -> None:
        nonlocal group, size
        old, tables = [path for path, _ in group], [table for _, table in group]
        changed = len(old) > 1 or any(table is None or table.dropped for table in tables)
        if changed and not dry_run:
            kept = [table.rows for table in tables if table.rows.num_rows]
            if kept:
                segments.replace(old, concatenated(kept).unify_dictionaries().combine_chunks())
            else:
                for path in old:
                    durable.remove(path)
        found.merged += len(old) if changed else 0
        group, size = [], 0

    for path in list(segments.keys_of):
        kept = _kept(segments.read(path), seen, old_code=old_code)
        found.runs += kept.dropped
        here = path.stat().st_size
        if here >= SMALL and not kept.dropped:
            continue
        group.append((path, kept))
        size += here
        if size >= LARGE:
            close()
    close()


@dataclass
class _Kept:
    rows: pa.Table
    dropped: int


def _kept(table: pa.Table, seen: set[str], *, old_code: bool) -> _Kept:
    """The runs of a file that are not in another one, and not of other code if that is asked."""
    keys, _, first, rows = runs_of(table)
    keep = np.array([key not in seen for key in keys], np.bool_)
    seen.update(keys)
    if old_code:
        made, texts = codes(table["made_by"])
        today = [any(f'"code": "{code}"' in text for code in _codes()) for text in texts]
        keep &= np.array(today, np.bool_)[made[first]]
    if keep.all():
        return _Kept(table, 0)
    import pyarrow as pa

    return _Kept(table.filter(pa.array(np.repeat(keep, rows))), int((~keep).sum()))
