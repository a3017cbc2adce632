"""The command, and a guard that sees it end however that happens.

The command imports and calls files of the user in its own process. Such a file can end it without a
word: by a segmentation fault, or by `os._exit(0)`, which looks like success. So the command is a
child of the process that the user started, which does nothing but wait. It passes on signals, tells
in one line of an end that was none, and lets nothing live on that the command has started.

It is there before anything is imported. Where a process cannot be forked there is no guard.
"""

from __future__ import annotations

import ctypes
import math
import os
import select
import signal
import sys
import time
import traceback
from contextlib import suppress
from types import FrameType

from freqopt._called import called, share
from freqopt._descendants import LOOKS, adopt, end_all, is_stopped, reap

LOOK = 0.5
"""Seconds after which a child that says nothing is looked at."""

GRACE = 5.0
"""Seconds that a command which is done has to leave."""
LEAVE = 1.0
"""Seconds that what it has started has, after it."""
ENDING = 10.0
"""Seconds that a command has to end after a signal; a file of the user's can be deaf to all."""

PR_SET_PDEATHSIG = 1
SIGNALLED = 128
LEFT = 2
"""The exit code of a command that left before it was done."""
LIMITS = "look at the limits of this shell or container (ulimit -a)"

_passed_on: list[tuple[int, float]] = []
"""Signals, and when they came."""


def main() -> None:
    """The command, guarded; leaves with its exit code."""
    _open_all()
    if not hasattr(os, "fork"):
        from freqopt.cli import main as unguarded

        unguarded()
        return
    adopt()
    share()
    told, telling = os.pipe()
    guard = os.getpid()
    try:
        child = os.fork()
    except OSError as error:
        os.write(2, f"freqopt: no process can be made ({error.strerror}); {LIMITS}\n".encode())
        sys.exit(LEFT)
    if child == 0:
        os.close(told)
        _perform(guard, telling)
    os.close(telling)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name)
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda n, _: _pass_on(child, n))
    os._exit(_watch(child, told))  # it has nothing to clean up


def _open_all() -> None:
    """Lead a standard stream that is closed to nowhere: the next file opened would be it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)  # of the lowest number that is free
            setattr(sys, name, open(nowhere, mode))  # noqa: SIM115, PTH123 - kept to the end


def _perform(guard: int, telling: int) -> None:
    """In the child: the command, then its exit code through the pipe."""
    _end_with(guard)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the command listens: no traceback
    code = 1
    try:
        from freqopt.cli import perform

        code = perform()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except MemoryError:
        code = LEFT
        os.write(2, f"freqopt: there is too little memory to begin; {LIMITS}\n".encode())
    except BaseException:
        traceback.print_exc()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError, ValueError):
            stream.flush()
    with suppress(OSError):
        os.write(telling, bytes([code & 255]))
    sys.exit(code)


def _end_with(guard: int) -> None:
    """See that this process does not outlive its guard, where the system offers that."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != guard:
            os._exit(SIGNALLED + signal.SIGKILL)


def _pass_on(child: int, number: int, _frame: FrameType | None = None) -> None:
    _passed_on.append((number, time.monotonic()))
    with suppress(ProcessLookupError):
        os.kill(child, number)


def _patience() -> float:
    return _passed_on[0][1] + ENDING if _passed_on else math.inf


def _watch(child: int, told: int) -> int:
    """Wait for the end of the command; its exit code."""
    status, said, listening, until, still = None, b"", True, math.inf, 0
    while status is None and still < LOOKS and time.monotonic() < min(until, _patience()):
        if not listening:
            time.sleep(0.002 if said else LOOK / 10)
        elif select.select([told], [], [], LOOK)[0]:
            said, listening = os.read(told, 1), False
            until = time.monotonic() + GRACE if said else math.inf
        status = reap().get(child)
        still = still + 1 if status is None and is_stopped(child) else 0
    if listening and select.select([told], [], [], 0)[0]:
        said = os.read(told, 1)
    if said:
        code = said[0]
    else:
        code, sentence = _end_that_is_none(status)
        with suppress(OSError):
            os.write(2, f"freqopt: {sentence}\n".encode())
    end_all(0.0 if status is None else LEAVE)
    return code


def _end_that_is_none(status: int | None) -> tuple[int, str]:
    """Exit code and words for a command that ended before it was done; None if it never will."""
    if _passed_on:
        number = _passed_on[0][0]
        name = signal.Signals(number).name
        return SIGNALLED + number, "interrupted" if name == "SIGINT" else f"ended by {name}"
    look = f"look at {_what_it_calls()}"
    if status is None:
        return LEFT, f"it stopped its own process, and nobody would continue it; {look}"
    if os.WIFEXITED(status):
        code = os.WEXITSTATUS(status)
        return LEFT, f"it left its process with exit code {code} before it was done; {look}"
    number = os.WTERMSIG(status)
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    how = f"its process was ended by {name} ({signal.strsignal(number)})"
    if number == signal.SIGKILL:
        look = "most often for want of memory: ask for a smaller problem or batch, or fewer jobs"
        return SIGNALLED + number, f"{how}, {look}"
    return SIGNALLED + number, f"{how}; {look}"


def _what_it_calls() -> str:
    """The user's files that are called, as far as is known."""
    given = [one for one in sys.argv[1:] if one.endswith((".py", ".toml"))]
    files = [repr(one) for one in called() or given] or []
    if not files:
        return "what the files that it reads call"
    return f"what {' and '.join(files)} call{'s' if len(files) == 1 else ''}"
