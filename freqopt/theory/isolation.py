"""Tasks in processes of their own: what one does, even to its process, takes no other along.

Each worker is a process of `examiner`, which forks a child per task. Workers that are idle wait for
the next call, since to import everything takes a second; they end when this process does, however
it ends, because their pipe closes.
"""

from __future__ import annotations

import atexit
import os
import pickle
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from freqopt._descendants import kill_below
from freqopt.errors import TheoryError
from freqopt.theory.examiner import Answer, Task, receive, send

LONGEST = 3600.0
"""Seconds of a wait; the system takes no number that is too large, or infinite."""
GRACE = 10.0
"""Seconds that a worker has beyond a task's limit to say that it is over."""

_idle: list[_Worker] = []


class _Worker:
    """A process of `examiner` and the pipes to it."""

    def __init__(self) -> None:
        tasks, self._tasks = os.pipe()
        self.answers, answers = os.pipe()
        begin = "from freqopt.theory.examiner import main; main()"
        # -P: a file of the working directory called string.py is no module here.
        command = [sys.executable, "-P", "-c", begin, str(tasks), str(answers)]
        paths = [p for p in (*sys.path, os.environ.get("PYTHONPATH", "")) if p]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            pass_fds=(tasks, answers),
            start_new_session=True,  # a Ctrl-C at the terminal is the caller's to handle
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        os.close(tasks)
        os.close(answers)
        self.deadline = 0.0
        self._gone = False

    @property
    def alive(self) -> bool:
        """Whether it can take a task."""
        return not self._gone and self._process.poll() is None

    def start(self, task: Task) -> None:
        """Hand over a task."""
        self.deadline = time.monotonic() + task.seconds + GRACE
        with suppress(BrokenPipeError):  # a worker that is gone has no answer either
            send(self._tasks, pickle.dumps(task))

    def answer(self) -> Answer:
        """What came of the task."""
        data = receive(self.answers)
        if data is None:
            self._gone = True  # its pipe closes a moment before the system calls it ended
            return Answer(failure="it ended the process that watched over it")
        try:
            answer = pickle.loads(data)
        except Exception as error:
            return Answer(failure=f"its result cannot be read: {type(error).__name__}: {error}")
        return answer if isinstance(answer, Answer) else Answer(failure="its result is none")

    def end(self) -> None:
        """End it, its child, and whatever that started."""
        with suppress(OSError):
            os.close(self._tasks)  # it ends its child first, and then itself
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:  # it was stopped
            kill_below(self._process.pid)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        with suppress(OSError):
            os.close(self.answers)


def each(
    function: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    *,
    workers: int,
    seconds: float,
) -> Iterator[tuple[int, Answer]]:
    """Call a function once for each tuple of arguments, each time in a process of its own.

    Parameters
    ----------
    function : importable by name
    workers : processes at a time
    seconds : wall time that one call may take

    Yields
    ------
    (index, answer), as they come. Nothing that a call does raises here.
    """
    if not hasattr(os, "fork"):  # pragma: no cover - Windows: no limits, and no isolation
        for index, given in enumerate(arguments):
            yield index, Answer(function(*given))
        return
    try:
        folder = str(Path.cwd())
    except OSError as error:
        raise TheoryError(
            f"there is no working directory ({error.strerror}); cd into one"
        ) from None
    memory, path = _memory(workers), tuple(sys.path)
    waiting = list(enumerate(arguments))[::-1]
    busy: dict[_Worker, int] = {}
    try:
        with selectors.DefaultSelector() as selector:
            while waiting or busy:
                while waiting and len(busy) < workers:
                    index, given = waiting.pop()
                    worker = _free()
                    busy[worker] = index
                    worker.start(Task(function, given, seconds, memory, path, folder))
                    selector.register(worker.answers, selectors.EVENT_READ, worker)
                left = min(worker.deadline for worker in busy) - time.monotonic()
                events = selector.select(min(max(0.0, left), LONGEST))
                done = [key.data for key, _ in events]
                late = [w for w in busy if w not in done and time.monotonic() >= w.deadline]
                for worker in (*done, *late):
                    answer = worker.answer() if worker in done else _stopped(seconds)
                    selector.unregister(worker.answers)
                    index = busy.pop(worker)
                    if worker in done and worker.alive:
                        _idle.append(worker)
                    else:
                        worker.end()
                    yield index, answer
    finally:
        for worker in busy:
            worker.end()


@atexit.register
def _end_idle() -> None:
    while _idle:
        _idle.pop().end()


def _free() -> _Worker:
    """A worker that waits, or a new one."""
    while _idle:
        worker = _idle.pop()
        if worker.alive:
            return worker
        worker.end()
    return _Worker()


def _stopped(seconds: float) -> Answer:
    return Answer(failure=f"it stopped its process and did not end within {seconds:g} s")


def _memory(workers: int) -> int:
    """Bytes that one task may hold: an equal part of the machine's, or 0 where that is unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // max(1, workers)
    except (ValueError, OSError):
        return 0
