"""Worker processes: one that is killed takes neither the other calls nor the caller along.

A worker is this Python without the caller's main module, so a script needs no guard. It reads its
calls from its standard input and lives as long as that is open: however the caller ends, also by
SIGKILL, the system closes the pipe, and the worker leaves at once, whatever it is doing.

Not joblib's or the standard library's pools: when a worker dies, they give up all calls, and do not
say whose fault it was; when the caller is killed, their workers live on.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

from freqopt._descendants import LOOK, LOOKS, is_stopped
from freqopt._interrupts import tell_apart

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Lost(NamedTuple):
    """There is no answer: the process ended before it gave one."""

    how: str
    """For a message: "was ended by SIGKILL (Killed)", "left with exit code 3"."""


def spread(
    function: Callable[[Item], Answer],
    items: Iterable[Item],
    workers: int,
    *,
    environment: Mapping[str, str] | None = None,
) -> Generator[tuple[Item, Answer | Lost], None, None]:
    """Call a function for every item, in several processes.

    Parameters
    ----------
    function : callable
        Of a module, so that it can be pickled, as items and answers can. An exception of it is
        raised here. What it prints goes to standard error.
    items : iterable
    workers : int
        Processes. They begin when there is something to do.
    environment : mapping, optional
        Variables that the workers have beside the caller's own.

    Yields
    ------
    (item, answer or `Lost`)
        As they come. After a `Lost` the others go on, in a new process.
    """
    crew = _Crew(function, items, environment or {})
    threads = [threading.Thread(target=crew.drive, daemon=True) for _ in range(workers)]
    try:
        for thread in threads:
            thread.start()
    except RuntimeError as error:  # the system has no more
        crew.dismiss()
        raise BlockingIOError(errno.EAGAIN, str(error)) from None
    busy = workers
    try:
        while busy:
            done = crew.done.get()
            if done is None:
                busy -= 1
            elif isinstance(done, BaseException):
                raise done
            else:
                yield done
    finally:
        crew.dismiss()
        for thread in threads:
            thread.join()


class _Crew(Generic[Item, Answer]):
    """The processes, the thread that talks to each, and what they still have to do."""

    def __init__(
        self,
        function: Callable[[Item], Answer],
        items: Iterable[Item],
        environment: Mapping[str, str],
    ) -> None:
        self.done: SimpleQueue[tuple[Item, Answer | Lost] | BaseException | None] = SimpleQueue()
        self._function, self._environment = function, environment
        self._items = iter(items)
        self._lock = threading.Lock()
        self._dismissed = False
        self._at_work: set[subprocess.Popen[bytes]] = set()

    def drive(self) -> None:
        """What each thread does: hand item after item to a process, and take its answers."""
        worker: subprocess.Popen[bytes] | None = None
        if hasattr(signal, "pthread_sigmask"):  # a worker begins with the mask of this thread
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            for item in iter(self._next, None):
                worker = worker or self._hire()
                answer = self._ask(worker, item[0])
                if isinstance(answer, Lost):
                    self._bury(worker)
                    worker = None
                self.done.put(answer if isinstance(answer, BaseException) else (item[0], answer))
        except BaseException as error:
            self.done.put(error)
        finally:
            if worker is not None:
                self._bury(worker)
            self.done.put(None)

    def dismiss(self) -> None:
        """Nobody begins anything any more, and who is at work is killed."""
        with self._lock:
            self._dismissed = True
            for worker in self._at_work:
                worker.kill()

    def _next(self) -> tuple[Item] | None:
        with self._lock:
            return None if self._dismissed else next(((item,) for item in self._items), None)

    def _hire(self) -> subprocess.Popen[bytes]:
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"
        with self._lock:
            if self._dismissed:
                raise InterruptedError("no more workers are wanted")
            worker = subprocess.Popen(
                [sys.executable, *flags, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **self._environment},
            )
            self._at_work.add(worker)
        self._send(worker, self._function)
        return worker

    def _ask(self, worker: subprocess.Popen[bytes], item: Item) -> Any:
        """The answer, or what the function raised, or `Lost`."""
        assert worker.stdout is not None
        self._send(worker, item)
        if _stays_stopped(worker):
            worker.kill()
            worker.wait()
            return Lost("stopped itself, and nobody would continue it")
        try:
            return pickle.load(worker.stdout)
        except (EOFError, pickle.UnpicklingError):  # the latter where it died while it wrote
            worker.kill()
            return Lost(manner(worker.wait()))

    def _send(self, worker: subprocess.Popen[bytes], what: Any) -> None:
        assert worker.stdin is not None
        message = pickle.dumps(what)
        with contextlib.suppress(BrokenPipeError):  # it has died, which reading its answer tells
            worker.stdin.write(message)
            worker.stdin.flush()

    def _bury(self, worker: subprocess.Popen[bytes]) -> None:
        """Let a worker leave, or see that it is gone."""
        for pipe in (worker.stdin, worker.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        worker.wait()
        with self._lock:
            self._at_work.discard(worker)


def _stays_stopped(worker: subprocess.Popen[bytes]) -> bool:
    """Wait for a worker's answer or end; True if it stands still instead."""
    if os.name != "posix":
        return False
    assert worker.stdout is not None
    waiting = select.poll()
    waiting.register(worker.stdout)
    still = 0
    while still < LOOKS and not waiting.poll(1000 * LOOK):
        still = still + 1 if is_stopped(worker.pid) else 0
    return still == LOOKS


def manner(code: int) -> str:
    """How a process ended that has this exit code."""
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"was ended by {name} ({signal.strsignal(-code)})"
    return f"left with exit code {code}"


# -- in the worker ------------------------------------------------------------------------------


def serve() -> None:
    """Answer calls until the caller closes the pipe, or is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's goes to the caller too, who decides
    if hasattr(signal, "pthread_sigmask"):  # what is started from here has it as it is usual
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    tell_apart()
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    for kept, replaced in ((os.open(os.devnull, os.O_RDONLY), 0), (2, 1)):
        os.dup2(kept, replaced)  # nothing that the function reads or prints is a message
    function = pickle.load(calls)
    asked: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_receive, args=(calls, asked), daemon=True).start()
    while True:
        item = asked.get()
        try:
            answer = function(item)
        except Exception as error:
            answer = error
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()  # the end comes without a word
        answers.write(pickle.dumps(answer))
        answers.flush()


def _receive(calls: Any, asked: SimpleQueue[Any]) -> None:
    """Read calls as they come; the end of them is the end of the process."""
    try:
        while True:
            asked.put(pickle.load(calls))
    finally:
        os._exit(0)
