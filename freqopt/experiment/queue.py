"""The runs of a study that are to do, handed out as tasks of about equal length.

Runs that differ in a rule's numbers and their own only are put together, as many as take a moment:
what it costs to hand out a task is shared by them.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from freqopt.backends import backends
from freqopt.experiment.executors.task import Run, Task, made_with
from freqopt.experiment.grid import Point
from freqopt.experiment.store.claims import Claims
from freqopt.experiment.store.continuation import Part
from freqopt.experiment.store.database import Database
from freqopt.experiment.store.keys import Name
from freqopt.experiment.store.provenance import origin
from freqopt.experiment.store.rows import Stored, to_columns
from freqopt.experiment.store.states import listed

MOMENT = 0.25
"""Seconds that a task should take at least."""
SLOWEST = 1e-3
"""Seconds that a step may take, as far as is known before the first run."""
MOST = 1024


class Queue:
    """The runs to do.

    Parameters
    ----------
    runs : sequence of (Name, Point)
    database : Database
    claims : Claims
    backend : str
    jobs : int
        Who waits for tasks: towards the end, they are made short enough for all.
    every : float
        Seconds between two saves of a run on the way.

    Attributes
    ----------
    left : list of (Name, Point)
        Those at which another sweep is.
    found : int
        Runs that another sweep has stored meanwhile.
    """

    def __init__(
        self,
        runs: Sequence[tuple[Name, Point]],
        database: Database,
        claims: Claims,
        backend: str,
        jobs: int,
        every: float,
    ) -> None:
        self.left: list[tuple[Name, Point]] = list(runs)
        self.found = 0
        self._database, self._claims, self._backend = database, claims, backend
        self._jobs, self._every = jobs, every
        self._points = {name.key: point for name, point in runs}
        self._pace: dict[str, float] = {}
        self._lock = threading.Lock()
        self._kinds: dict[int, str] = {}
        self._steps: Counter[str] = Counter()
        for _, point in runs:
            self._steps[self._kind(point)] += point.shared["steps"]
        self._made_with, self._origin = made_with(backend), origin()
        self._states: dict[str, list[Path]] = {}
        for path, inside in listed(database.folder):
            for one in inside:
                self._states.setdefault(str(one.get("trajectory")), []).append(path)

    def tasks(self) -> Iterator[Task]:
        """Tasks of what is left: one of each rule, then another of each.

        So processes do not wait for one compilation. What another sweep is at is left for later.
        """
        of_label: dict[str, dict[str, deque[tuple[Name, Point]]]] = {}
        for name, point in self.left:
            kinds = of_label.setdefault(point.label, {})
            kinds.setdefault(self._kind(point), deque()).append((name, point))
        self.left = []
        rounds = zip_longest(*(kinds.items() for kinds in of_label.values()))
        waiting = dict(line for one_of_each in rounds for line in one_of_each if line)
        while waiting:
            for kind in list(waiting):
                line = waiting[kind]
                runs = [line.popleft() for _ in range(min(len(line), self._length(kind, line)))]
                mine = self._mine(runs)
                if mine:
                    yield self._task(kind, mine)
                if not line:
                    del waiting[kind]

    def took(self, runs: Sequence[Stored]) -> None:
        """Runs are done: how long the like of them takes."""
        kind = self._kind(self._points[runs[0].key])
        with self._lock:
            self._pace[kind] = sum(run.seconds for run in runs) / len(runs)

    def _length(self, kind: str, line: Sequence[object]) -> int:
        """Runs of the next task."""
        most = backends[self._backend].together
        if most > 1:
            return most
        with self._lock:
            steps = self._steps[kind] / max(1, len(line))
            took = self._pace.get(kind, SLOWEST * steps)
        fair = len(line) // (2 * self._jobs)
        return max(1, min(MOST, fair, int(MOMENT / max(took, 1e-9))))

    def _mine(self, runs: list[tuple[Name, Point]]) -> list[tuple[Name, Point]]:
        """Those that this sweep is to do: neither stored nor another's."""
        mine = set(self._claims.take([name.key for name, _ in runs]))
        self.left += [(name, point) for name, point in runs if name.key not in mine]
        if self._claims.shared:  # what was let go of is stored by now
            self._database.refresh()
        there = self._database.segments.places
        stored = [name.key for name, _ in runs if name.key in mine and name.key in there]
        self._claims.let_go(stored)
        self.found += len(stored)
        return [one for one in runs if one[0].key in mine and one[0].key not in there]

    def _task(self, kind: str, runs: list[tuple[Name, Point]]) -> Task:
        return Task(
            tuple(self._run(name, point) for name, point in runs),
            self._backend,
            self._made_with,
            self._origin,
            self._steps[kind],
            self._database.folder.absolute(),
            self._every,
        )

    def _run(self, name: Name, point: Point) -> Run:
        """A run with what is stored of its trajectory."""
        segments = self._database.segments
        keys = [k for k in segments.of_trajectory.get(name.trajectory, ()) if k in segments.places]
        about = {one.key: one for one in segments.about(keys)}
        parts = tuple(
            Part(one.recorded, _steps(one.recorded), to_columns(table), one.diverged_at)
            for key, table in segments.tables(keys)
            for one in [about[key]]
        )
        return Run(point, name, parts, tuple(self._states.get(name.trajectory, ())))

    def _kind(self, point: Point) -> str:
        """What runs have in common that differ in a rule's numbers, their seed and number."""
        known = self._kinds.get(id(point.shared))
        if known is None:
            shared = {k: v for k, v in point.shared.items() if k not in ("rule", "seed")}
            known = json.dumps([point.label, shared])
            self._kinds[id(point.shared)] = known
        return known


def _steps(recorded: str) -> int:
    return int(json.loads(recorded)["steps"])
