"""A team of threads that work on the parts of one step.

The kernels release the interpreter lock, so plain Python threads run them in parallel; handing a
part over costs a few microseconds. Numba's own pools are not used: they end the process on a fork
or on a call from a second thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

Task = Callable[[int], None]


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Team:
    """Threads that wait for the parts of a task; the caller works on part 0 itself."""

    def __init__(self) -> None:
        self._helpers: list[_Helper] = []
        self._busy = threading.Lock()

    def run(self, task: Task, parts: int) -> None:
        """Call task(0), ..., task(parts - 1) at the same time and wait for all of them.

        While another thread uses the team, the caller works on all parts by itself. An exception
        of a part is raised here after all have ended; so is Ctrl-C.
        """
        if parts == 1 or not self._busy.acquire(blocking=False):
            for part in range(parts):
                task(part)
            return
        try:
            while len(self._helpers) < parts - 1:
                self._helpers.append(_Helper())
            helpers = self._helpers[: parts - 1]
            for part, helper in enumerate(helpers, start=1):
                helper.begin(task, part)
            try:
                task(0)
            finally:
                errors = [error for helper in helpers if (error := helper.end()) is not None]
            if errors:
                raise errors[0]
        finally:
            self._busy.release()


class _Helper:
    """One thread of a team."""

    def __init__(self) -> None:
        self._given: SimpleQueue[tuple[Task, int]] = SimpleQueue()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._ended = False
        self._error: BaseException | None = None
        threading.Thread(target=self._work, name="freqopt", daemon=True).start()

    def begin(self, task: Task, part: int) -> None:
        while not self._bell.empty():
            self._bell.get()
        self._ended, self._error = False, None
        self._given.put((task, part))

    def end(self) -> BaseException | None:
        """Wait until the part has ended, however often Ctrl-C is pressed meanwhile."""
        interrupt: BaseException | None = None
        while not self._ended:
            try:
                self._bell.get()
            except KeyboardInterrupt as error:
                interrupt = error
        return self._error or interrupt

    def _work(self) -> None:
        while True:
            task, part = self._given.get()
            try:
                task(part)
            except BaseException as error:
                self._error = error
            del task
            self._ended = True
            self._bell.put(None)


team = Team()
"""The team of this process."""


def _after_fork() -> None:
    global team  # noqa: PLW0603 - threads do not survive a fork, so the child gets a new team
    team = Team()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
