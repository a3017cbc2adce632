"""What of a run is known already, from stored runs and states of the same trajectory.

Readings of the same metric at the same step of the same trajectory are the same, whatever else was
recorded and however long the run was; those of a metric that sums movement since the checkpoint
before, if that was the same too. What is known is taken over, the rest is read on the way from the
last state that lies before all of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from freqopt.errors import ResultError
from freqopt.experiment.checkpoints import checkpoint_steps
from freqopt.experiment.run import Recording
from freqopt.experiment.store.states import State
from freqopt.experiment.trajectory import Columns


class Part(NamedTuple):
    """Readings of a trajectory.

    Attributes
    ----------
    recorded : str
        What was recorded, as `keys.as_recorded` writes it.
    until : int
        The last step that was read.
    readings : columns
    diverged_at : int or None
    """

    recorded: str
    until: int
    readings: Columns
    diverged_at: int | None = None


def continue_from(
    recording: Recording,
    recorded: str,
    parts: Iterable[Part],
    states: Sequence[State],
    entries: dict[str, str],
) -> float:
    """Take over what is known of a run, and put it where the rest begins.

    Parameters
    ----------
    recording : Recording
        Before its first step.
    recorded : str
        What it records, as `keys.as_recorded` writes it.
    parts, states
        Of the same trajectory.
    entries : metric as `record` names it -> as it is called in what is stored

    Returns
    -------
    float
        Seconds that were spent on it before.
    """
    names = {entry: name for name, entry in entries.items()}
    own = [Part(s.recorded, s.step, _own(s, entries)) for s in states if s.diverged_at is None]
    for part in (*parts, *own):
        pairs = _covered(recording, recorded, part, names)
        if part.diverged_at is not None:  # as a whole or not at all
            if len(pairs) < len(recording.schedule) * len(recording.metrics):
                continue
            if part.diverged_at < recording.config.steps:
                recording.diverged_at = part.diverged_at
        readings = part.readings
        known = np.array([names.get(entry, "") for entry in readings["entry"].tolist()], dtype=str)
        recording.recorder.take_over({**readings, "entry": known}, pairs)
    for state in sorted(states, key=lambda state: -state.step):
        if state.diverged_at is None and _lies_before(state, recording):
            try:
                state.restore(recording)
            except ResultError:
                continue
            return state.seconds
    return 0.0


def _own(state: State, entries: dict[str, str]) -> Columns:
    """A state's readings with its metrics called as in what is stored."""
    readings = state.readings
    called = [entries.get(name, "") for name in readings["entry"].tolist()]
    return {**readings, "entry": np.array(called, dtype=str)}


def _covered(
    recording: Recording, recorded: str, part: Part, names: dict[str, str]
) -> list[tuple[int, str]]:
    """Checkpoints and metrics of a run that a part has readings of."""
    mine, theirs = json.loads(recorded), json.loads(part.recorded)
    if mine["groups"] != theirs["groups"]:
        return []
    before, before_there = _before(recording.schedule), _before(_schedule(part.recorded))
    pairs = []
    for entry in theirs["record"]:
        if entry not in names:
            continue
        name = names[entry]
        moving = recording.metrics[name].tracks_movement
        pairs += [
            (step, name)
            for step in before.keys() & before_there.keys()
            if step <= part.until and (not moving or before[step] == before_there[step])
        ]
    return pairs


def _lies_before(state: State, recording: Recording) -> bool:
    """Whether all that is still to be read can be read from a state on."""
    before = _before(recording.schedule)
    for step in recording.schedule:
        for name in recording.todo(step):
            since = step
            if recording.metrics[name].tracks_movement:
                since = before[step]
                if state.moving and state.cleared_at == since:
                    since = step
            if state.step > since:
                return False
    return True


def _before(schedule: Iterable[int]) -> dict[int, int]:
    """Of every checkpoint, the one before it; of the first, itself."""
    steps = list(schedule)
    return dict(zip(steps, [*steps[:1], *steps[:-1]], strict=True))


@lru_cache(maxsize=64)
def _schedule(recorded: str) -> tuple[int, ...]:
    about: dict[str, Any] = json.loads(recorded)
    return checkpoint_steps(about["steps"], about["checkpoints"])
