"""A program and the guard that it runs under, which ends with us whatever the program started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

from freqopt import _descendants

GRACE = _descendants.PATIENCE + 1.0
"""Seconds that the guard has to end everything."""


class Guarded:
    """A program that was started, until `end`.

    Parameters
    ----------
    command : list of str

    Attributes
    ----------
    stdin, stdout, stderr : binary files
        The program's.

    Raises
    ------
    OSError
        It cannot be started.
    """

    def __init__(self, command: list[str]) -> None:
        lifeline, self._lifeline = os.pipe()
        self._answers, answers = os.pipe()
        pipe = subprocess.PIPE
        # -I -S: a guard needs no packages, and no file of the working directory is a module of it.
        guard = [sys.executable, "-I", "-S", str(_descendants.__file__)]
        try:
            self._guard = subprocess.Popen(
                [*guard, str(lifeline), str(answers), *command],
                stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0,
                pass_fds=(lifeline, answers),
                start_new_session=True,  # a Ctrl-C at the terminal is ours to handle
            )  # fmt: skip
        except BaseException:
            self._close()
            raise
        finally:
            os.close(lifeline)
            os.close(answers)
        assert self._guard.stdin is not None
        assert self._guard.stdout is not None
        assert self._guard.stderr is not None
        self.stdin, self.stdout, self.stderr = (
            self._guard.stdin, self._guard.stdout, self._guard.stderr
        )  # fmt: skip
        self._code: int | None = None
        self._program, self._heard = 0, b""
        try:
            self._program = _number(self._said())
        except BaseException:
            self.end()
            for file in (self.stdin, self.stdout, self.stderr):
                file.close()
            raise
        os.set_blocking(self._answers, False)

    def poll(self) -> int | None:
        """The program's exit code, or minus the signal that ended it; None while it runs."""
        if self._code is None:
            with suppress(BlockingIOError):
                said = self._said()
                self._code = int(said) if said else -signal.SIGKILL  # with its guard
        return self._code

    def end(self) -> None:
        """End it and everything that it started; its pipes stay open."""
        self._close()
        try:
            self._guard.wait(GRACE)
        except subprocess.TimeoutExpired:  # it was stopped
            _descendants.kill_below(self._guard.pid)
            self._guard.kill()
        if self._guard.wait() != 0 and self._program:  # it could not do it
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._program, signal.SIGKILL)

    def _said(self) -> bytes:
        """A line of the guard's; nothing if it is gone."""
        while b"\n" not in self._heard and (more := os.read(self._answers, 64)):
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\n")
        return line

    def _close(self) -> None:
        for one in (self._lifeline, self._answers):
            with suppress(OSError):
                os.close(one)


def _number(said: bytes) -> int:
    """The process number that the guard says, or the reason why there is none."""
    if said.isdigit():
        return int(said)
    reason = int(said[1:] or b"0")
    raise OSError(reason, os.strerror(reason) if reason else "its guard has ended")
