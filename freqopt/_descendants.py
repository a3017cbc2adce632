"""Ending a process and all that it started, also what has left its group and its session.

A process adopts: what its descendants leave behind becomes its own child, not the system's, so that
everything they started stays below it, and is found through /proc and killed until nothing is left.
That is Linux's; elsewhere the process group is killed.

Run as a program, this file is the guard of another program. Its arguments are the descriptors of
two pipes and a command. It starts the command, says its process number on the second pipe ("!" and
the error number if it cannot) and, when that has ended, its exit code; and it ends everything when
the first pipe closes, which it does however its owner ends. It imports nothing of freqopt.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
PATIENCE = 5.0
"""Seconds after which what cannot be killed is left."""

LOOK = 0.2
"""Seconds after which a silent child is looked at."""
LOOKS = 10
"""After so many in a row at which it was stopped, it is given up."""


def adopt() -> None:
    """Let orphans below this process become its children."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def below(process: int) -> list[int]:
    """The numbers of all processes below one; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    with suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208 - names only
            if name.isdecimal():
                with suppress(OSError, ValueError, IndexError):  # it is gone
                    status = Path("/proc", name, "stat").read_bytes()
                    parent = int(status.rpartition(b")")[2].split()[1])
                    children.setdefault(parent, []).append(int(name))
    found, waiting = list[int](), [process]
    while waiting:
        under = children.get(waiting.pop(), [])
        found += under
        waiting += under
    return found


def kill_below(process: int) -> None:
    """Kill once what is below a process now."""
    for one in below(process):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(one, signal.SIGKILL)


def end_all(grace: float = 0.0) -> None:
    """Kill and reap what is below this process, until nothing is left.

    Parameters
    ----------
    grace : float
        Seconds in which it may end by itself.
    """
    begun = time.monotonic()
    while _has_children() and time.monotonic() < begun + grace + PATIENCE:
        reap()
        if time.monotonic() >= begun + grace:
            kill_below(os.getpid())
        time.sleep(0.002)


def reap() -> dict[int, int]:
    """Collect the children that have ended: the status of each, by its number."""
    ended: dict[int, int] = {}
    with suppress(ChildProcessError):
        while (one := os.waitpid(-1, os.WNOHANG))[0]:
            ended[one[0]] = one[1]
    return ended


def is_stopped(child: int) -> bool:
    """Whether a child of this process stands still by a signal; False where that cannot be asked.

    Whoever stops a whole group, as a terminal or a batch system does, continues it as a whole: a
    child that stays so beside one that looks at it was stopped alone.
    """
    if not hasattr(os, "waitid"):
        return False
    with suppress(ChildProcessError):
        flags = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, child, flags) is not None
    return False


def has_ended(child: int) -> bool:
    """Whether a child has ended, and waits to be reaped; False where that cannot be asked."""
    if not hasattr(os, "waitid"):
        return False
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _has_children() -> bool:
    """Whether there are children to wait for; False where that cannot be asked.

    That is macOS before Python 3.13, where `kill_below` finds nobody either.
    """
    if not hasattr(os, "waitid"):
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def main() -> None:
    """The guard."""
    lifeline, answers, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    adopt()
    try:
        program = subprocess.Popen(command, start_new_session=True)
    except OSError as error:
        os.write(answers, b"!%d\n" % (error.errno or 0))
        return
    nowhere = os.open(os.devnull, os.O_RDWR)
    for kept in (0, 1, 2):  # the program's, whose end is to be seen
        os.dup2(nowhere, kept)
    os.write(answers, b"%d\n" % program.pid)
    told = False
    while True:
        ready, _, _ = select.select([lifeline, woken], [], [])
        if lifeline in ready:
            break
        os.read(woken, 1024)
        if not told and program.poll() is not None:
            told = True
            with suppress(BrokenPipeError):
                os.write(answers, b"%d\n" % program.returncode)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGKILL)
    end_all()


if __name__ == "__main__":
    main()
