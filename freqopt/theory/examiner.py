"""The process that `isolation` starts: it imports once, and forks a child for each task.

A task runs in a child so that whatever the task does (abort, exit, threads, changed modules) ends
with it. This process only waits: for the child's answer, for the end of its time, and for the end
of its own parent, after which nobody is left who would want the answer.

Its arguments are the file descriptors of two pipes: of tasks, and of answers.
"""

from __future__ import annotations

import importlib
import os
import pickle
import pkgutil
import select
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from freqopt._descendants import LOOK, LOOKS, adopt, end_all, has_ended, is_stopped
from freqopt.errors import in_words

LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class Task:
    """What to call, and for how long it may run.

    Attributes
    ----------
    function : of a module that the child can import
    arguments : tuple
    seconds : wall time
    memory : bytes, or 0 for no limit
    path : sys.path of the caller
    folder : the caller's working directory
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    seconds: float
    memory: int
    path: tuple[str, ...]
    folder: str


@dataclass(frozen=True)
class Answer:
    """What a task returned, or why there is nothing: exactly one of the two."""

    value: Any = None
    failure: str = ""


def send(pipe: int, data: bytes) -> None:
    """Write one message: its length, then its bytes."""
    view = memoryview(LENGTH.pack(len(data)) + data)
    while view:
        view = view[os.write(pipe, view) :]


def receive(pipe: int) -> bytes | None:
    """Read one message; None if the other side is gone."""
    head = _exactly(pipe, LENGTH.size)
    return None if head is None else _exactly(pipe, LENGTH.unpack(head)[0])


def _exactly(pipe: int, size: int) -> bytes | None:
    found = bytearray()
    while len(found) < size:
        chunk = os.read(pipe, min(size - len(found), 1 << 20))
        if not chunk:
            return None
        found += chunk
    return bytes(found)


def serve(tasks: int, answers: int) -> None:
    """Answer tasks until the parent closes its end."""
    while (message := receive(tasks)) is not None:
        send(answers, _in_a_child(message, tasks))


def _in_a_child(message: bytes, tasks: int) -> bytes:
    """A pickled `Answer`; the child and all that it started are gone then."""
    seconds = pickle.loads(message).seconds
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(message, writing)  # does not return
    os.close(writing)
    with suppress(OSError):
        os.setpgid(child, child)  # the child does the same, whoever comes first
    found, late, still = bytearray(), False, 0
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            late = True
            break
        ready, _, _ = select.select([reading, tasks], [], [], min(LOOK, left))
        if tasks in ready:  # nothing is sent while a task runs: the parent is gone
            _kill(child)
            os._exit(0)
        chunk = os.read(reading, 1 << 20) if reading in ready else None
        if chunk:
            found += chunk
        elif chunk == b"" or (not ready and has_ended(child)):
            break
        still = still + 1 if not ready and is_stopped(child) else 0
        if still == LOOKS:  # whoever stops all processes continues all
            break
    os.close(reading)
    status = _kill(child)
    if late:
        return _failure(f"it did not end within {seconds:g} s, the limit for one file (--limit)")
    if still == LOOKS:
        return _failure("it stopped its own process, and nobody would continue it")
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:
        name = signal.Signals(os.WTERMSIG(status)).name
        return _failure(f"it ended its own process by {name} ({signal.strsignal(status & 127)})")
    if not found:
        how = f"exit code {os.WEXITSTATUS(status)}" if os.WIFEXITED(status) else "SIGKILL"
        hint = "" if os.WIFEXITED(status) else ", most likely for want of memory"
        return _failure(f"it left its process without a result, with {how}{hint}")
    return bytes(found)


def _work(message: bytes, writing: int) -> None:
    """In the child: run the task, write what it returned, leave."""
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.dup2(2, 1)  # what a file prints is not part of the report
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    task: Task = pickle.loads(message)
    try:
        os.chdir(task.folder)
        sys.path[:] = task.path
        _limit(task.memory)
        data = pickle.dumps(Answer(task.function(*task.arguments)))
    except BaseException as error:
        data = _failure(in_words(error))
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(writing, view) :]
    finally:  # whoever waited for it may be gone
        os._exit(0)


def _leave_with(parent: int) -> None:
    """End this process when its parent is gone, however that happened."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.killpg(0, signal.SIGKILL)


def _limit(memory: int) -> None:
    """Let allocations beyond so many bytes fail here, before the machine runs out of memory."""
    import resource

    if memory:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        soft = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _kill(child: int) -> int:
    """End the child and all that it started; its status. One that has answered ends by itself."""
    for _ in range(20):
        if has_ended(child):
            break
        time.sleep(0.005)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    end_all()
    return status


def _failure(text: str) -> bytes:
    return pickle.dumps(Answer(failure=text))


def _prepare() -> None:
    """Import what theorem files use, once for all children."""
    import freqopt.theory as package

    for found in pkgutil.walk_packages(package.__path__, "freqopt.theory."):
        if found.name.rpartition(".")[2] not in ("examiner", "isolation", "verify", "page"):
            importlib.import_module(found.name)


def main() -> None:
    """The process: import, then answer."""
    os.dup2(2, 1)
    adopt()
    _prepare()
    serve(int(sys.argv[1]), int(sys.argv[2]))
