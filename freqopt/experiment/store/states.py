"""States of runs on the way: everything a run needs to go on as if nothing had happened.

`states/NAME.state` holds some runs that are done together (one, but on a GPU), NAME being a hash of
their trajectories. It is made of lines and bytes:

    freqopt state 1
    SHA-256 of all that follows, 64 digits
    length of the header
    header | arrays

The header is JSON. It says of every run its trajectory, its step, what was recorded of it so far,
and of every array its name, dtype and shape; the arrays' bytes follow in that order. Nothing in
it is executed when it is read.

A run's state is that of its tables' parameters, of the rule's slots, and of movement, with the
readings so far. Random numbers need none: they are addressed by the step.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import ResultError
from freqopt.experiment.run import Recording
from freqopt.experiment.store import durable
from freqopt.experiment.trajectory import Columns

FOLDER, SUFFIX = "states", ".state"
_MAGIC = b"freqopt state 1\n"
EVERY = 30.0
"""Seconds between two saves of a run on the way."""
LEAST = 1.0
"""Seconds that a run must have taken for its end to be kept: a shorter one is done again."""
WORTH = 1 << 20
"""Bytes that the state at the end of a run may take on the disk for every second that it took."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class State:
    """A run at one of its steps.

    Attributes
    ----------
    trajectory : str
    recorded : str
        What it records, as `keys.py` writes it.
    step, cleared_at : int
    seconds : float
        What it took so far.
    diverged_at : int or None
    arrays : name -> array
    """

    trajectory: str
    recorded: str
    step: int
    cleared_at: int
    seconds: float
    diverged_at: int | None
    arrays: Arrays

    @property
    def readings(self) -> Columns:
        """What it recorded so far."""
        return {k.removeprefix("read "): v for k, v in self.arrays.items() if k.startswith("read ")}

    @property
    def moving(self) -> bool:
        """Whether it knows how far rows have moved since `cleared_at`."""
        return any(name.startswith("movement") for name in self.arrays)

    def restore(self, recording: Recording) -> None:
        """Put the simulation where it was.

        Raises
        ------
        ResultError
            It is the state of another run.
        """
        targets = _arrays(recording)
        if not self.moving:
            targets = {k: v for k, v in targets.items() if not k.startswith("movement")}
        for name, target in targets.items():
            held = self.arrays.get(name)
            if held is None or (held.shape, held.dtype) != (target.shape, target.dtype):
                raise ResultError("does not fit its run")
        for name, target in targets.items():
            target[...] = self.arrays[name]
        recording.simulation.step = self.step
        recording.cleared_at = self.cleared_at if self.moving else self.step


def _arrays(recording: Recording) -> Arrays:
    """Every array that changes while a simulation goes on."""
    simulation = recording.simulation
    found: Arrays = {f"table {name}": a for name, a in simulation.parameters.items()}
    for name, state in simulation.states.items():
        found |= {f"state {name} {slot}": array for slot, array in state.items()}
    for name, movement in (simulation.movement or {}).items():
        found |= {f"movement {name} {sums}": array for sums, array in vars(movement).items()}
    return found


def state_of(recording: Recording, trajectory: str, recorded: str, seconds: float) -> State:
    """The state of a run that stands between two steps."""
    arrays = _arrays(recording)
    read = recording.recorder.columns(recording.schedule, recording.config.record)
    arrays |= {f"read {name}": values for name, values in read.items()}
    step, cleared_at = recording.simulation.step, recording.cleared_at
    return State(trajectory, recorded, step, cleared_at, seconds, recording.diverged_at, arrays)


def path_of(folder: Path, trajectories: Iterable[str]) -> Path:
    """The file of runs that are done together."""
    name = hashlib.sha256("\n".join(trajectories).encode()).hexdigest()[:32]
    return folder / FOLDER / f"{name}{SUFFIX}"


def save(path: Path, states: Sequence[State]) -> None:
    """Write the states of runs that are done together, in place of an earlier file of theirs."""
    runs, blobs = [], []
    for state in states:
        kept = {name: np.asarray(array, order="C") for name, array in state.arrays.items()}
        about = {name: [array.dtype.str, array.shape] for name, array in kept.items()}
        runs.append({**vars(state), "arrays": about})
        blobs += [array.tobytes() for array in kept.values()]
    header = json.dumps(runs).encode()
    rest = b"".join([b"%d\n" % len(header), header, *blobs])
    durable.write(path, _MAGIC + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)


def load(path: Path, trajectory: str | None = None) -> list[State]:
    """The states in a file, or that of one trajectory.

    Raises
    ------
    ResultError
        The file is damaged, or of another version; the message begins with the verb.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ResultError(f"cannot be read ({error.strerror})") from None
    if not content.startswith(_MAGIC):
        raise ResultError("is cut short, or of another version of freqopt")
    digest, _, rest = content[len(_MAGIC) :].partition(b"\n")
    if hashlib.sha256(rest).hexdigest().encode() != digest:
        raise ResultError("is damaged: its SHA-256 is not the one written in it")
    size, _, rest = rest.partition(b"\n")
    at, states = int(size), []
    for run in json.loads(rest[:at]):
        arrays: Arrays = {}
        for name, (kind, shape) in run["arrays"].items():
            dtype = np.dtype(kind)
            count = math.prod(shape)
            arrays[name] = np.frombuffer(rest, dtype, count, at).reshape(shape)
            at += count * dtype.itemsize
        states.append(State(**{**run, "arrays": arrays}))
    return [state for state in states if trajectory in (None, state.trajectory)]


def listed(folder: Path) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    """The files of states, and of each the runs in it, as its header says, unverified."""
    for path in durable.files(folder / FOLDER, SUFFIX):
        try:
            with path.open("rb") as file:
                file.read(len(_MAGIC) + 65)
                header = file.read(int(file.readline(20)))
            yield path, [dict(run) for run in json.loads(header)]
        except (OSError, ValueError, TypeError, MemoryError):
            yield path, []


class Keeper:
    """Saves the states of runs on the way every so often, and at their end if that is worth it.

    Parameters
    ----------
    folder : Path or None
        The folder of results; None, or one that is not on this machine, keeps nothing.
    trajectories, recorded : sequences of str
        Of the runs, in their order.
    every : float
        Seconds from one save to the next.

    Attributes
    ----------
    notice : str
        Why nothing is kept, if that went wrong.
    """

    def __init__(
        self,
        folder: Path | None,
        trajectories: Sequence[str],
        recorded: Sequence[str],
        every: float,
    ) -> None:
        self.names = list(zip(trajectories, recorded, strict=True))
        self.folder = folder if folder is not None and (folder / FOLDER).is_dir() else None
        self.path = path_of(folder, trajectories) if folder is not None else Path()
        self.every, self.notice = every, ""
        self.began = self.last = time.monotonic()
        self.before = [0.0] * len(self.names)
        """Seconds that each run had taken when it was taken up."""

    def between(self, recordings: Sequence[Recording]) -> None:
        """Called between two steps."""
        if time.monotonic() - self.last >= self.every:
            self.save(recordings)

    def seconds(self) -> list[float]:
        """What each run took so far; side by side, each has its share of the time."""
        share = (time.monotonic() - self.began) / len(self.names)
        return [before + share for before in self.before]

    def end(self, recordings: Sequence[Recording]) -> bool:
        """Called when they are done and not final yet; whether the state was worth keeping."""
        size = sum(array.nbytes for one in recordings for array in _arrays(one).values())
        took = sum(self.seconds())
        worth = took >= LEAST and size <= WORTH * took
        if not worth or any(one.diverged_at is not None for one in recordings):
            return False
        self.save(recordings)
        return not self.notice

    def save(self, recordings: Sequence[Recording]) -> None:
        """Save now. What goes wrong is not the run's matter: it is said, and the run goes on."""
        if self.folder is None:
            return
        both = zip(recordings, self.names, self.seconds(), strict=True)
        try:
            save(self.path, [state_of(one, *names, took) for one, names, took in both])
        except ResultError as error:
            self.notice = f"the state of a run on the way was not saved: {error}"
        self.last = time.monotonic()
