"""A child process behind three pipes, none of which it is trusted with.

It may hang, crash, print anything or any amount of it: every wait has an end, every buffer a bound,
and whatever it started is killed and reaped at the end, also if we are killed ourselves. No shell
reads the command.
"""

from __future__ import annotations

import os
import selectors
import shutil
import time
from contextlib import suppress
from typing import Any, NoReturn

from freqopt._files import is_folder
from freqopt._workers import manner
from freqopt.crosscheck.exchange.guarded import Guarded
from freqopt.crosscheck.exchange.protocol import shown
from freqopt.errors import CrosscheckError

CHUNK = 65536
LOOK_AFTER = 0.1
"""Seconds of silence after which we look whether the child still lives."""

STDERR_KEPT = 2000
"""Bytes from the end of the child's standard error that are kept for a message."""


class SilenceError(CrosscheckError):
    """The child did not answer before the deadline."""


class LeftError(CrosscheckError):
    """The child closed its output. `quietly`: it exited with code 0 and printed nothing more."""

    def __init__(self, message: str, *, quietly: bool = False) -> None:
        super().__init__(message)
        self.quietly = quietly


class Child:
    """A process that was started, until `kill`.

    Attributes
    ----------
    deadline : float
        On the clock `time.monotonic`: when waiting ends.
    longest_line, most : int
        Bytes that the child may print in one line, and in one answer.
    """

    def __init__(self, command: list[str]) -> None:
        self.deadline = 0.0
        self.longest_line = self.most = 4096
        self._buffer = bytearray()
        self._errors = b""
        self._closed = False
        self._process = _start(command)
        self._stdin, self._stdout, self._stderr = (
            self._process.stdin, self._process.stdout, self._process.stderr
        )  # fmt: skip
        os.set_blocking(self._stdin.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stdout, selectors.EVENT_READ)
        self._selector.register(self._stderr, selectors.EVENT_READ)

    def send(self, text: str) -> None:
        """Write to the child, reading meanwhile what it prints."""
        pending, broken = memoryview(text.encode("ascii")), False
        self._selector.register(self._stdin, selectors.EVENT_WRITE)
        try:
            while pending:
                if self._turn():
                    pending = pending[os.write(self._stdin.fileno(), pending[:CHUNK]) :]
        except BrokenPipeError:
            broken = True
        finally:
            self._selector.unregister(self._stdin)
        if broken:
            self._raise_left()

    def line(self) -> str:
        """The next line that the child prints, without its end."""
        while True:
            end = self._buffer.find(b"\n", 0, self.longest_line + 1)
            if end >= 0:
                line = self._buffer[:end].decode("ascii", "backslashreplace").rstrip("\r")
                del self._buffer[: end + 1]
                return line
            if len(self._buffer) > self.longest_line:
                raise CrosscheckError(
                    f"printed a line of more than {self.longest_line} bytes, which begins "
                    f"{self._text()}"
                )
            if self._closed:
                self._raise_left()
            self._turn()

    def refuse_more(self) -> None:
        """The child has nothing to say at this moment; it is an error if it has."""
        for key, _ in self._selector.select(0):
            self._read(key.fileobj)
        if self._buffer:
            raise CrosscheckError(f"printed {self._text()} after its last answer")

    def finish(self, goodbye: str) -> None:
        """Say goodbye and close the child's input; it must leave with exit code 0, in silence."""
        try:
            self.send(goodbye)
            self._stdin.close()
            self._raise_left()
        except LeftError as left:
            if not left.quietly:
                raise

    def kill(self) -> str:
        """Kill the child and all that it started, close the pipes; the end of its stderr."""
        self._process.end()
        if self._stderr in self._selector.get_map():  # what it said last, if it is there
            os.set_blocking(self._stderr.fileno(), False)
            with suppress(BlockingIOError):
                self._read(self._stderr)
        self._selector.close()
        for pipe in (self._stdin, self._stdout, self._stderr):
            with suppress(BrokenPipeError):
                pipe.close()
        return self._errors.decode("utf-8", "replace").strip()

    def _turn(self) -> bool:
        """Wait until something moves and read what there is; whether the child takes input."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise SilenceError("did not answer in time")
        ready = [key.fileobj for key, _ in self._selector.select(min(left, LOOK_AFTER))]
        if not ready and self._process.poll() is not None:
            self._closed = True  # though something it has started may hold the pipe open
        for pipe in ready:
            if pipe is not self._stdin:
                self._read(pipe)
        return self._stdin in ready

    def _read(self, pipe: Any) -> None:
        chunk = os.read(pipe.fileno(), CHUNK)
        if not chunk:
            self._selector.unregister(pipe)
            self._closed = self._closed or pipe is self._stdout
        elif pipe is self._stderr:
            self._errors = (self._errors + chunk)[-STDERR_KEPT:]
        else:
            self._buffer += chunk
            if len(self._buffer) > self.most + CHUNK:
                raise CrosscheckError(
                    f"printed more than {self.most} bytes, the most that an answer can have, "
                    f"beginning with {self._text()}"
                )

    def _raise_left(self) -> NoReturn:
        """The child takes or gives no more: say how it ended."""
        while not self._closed:
            self._turn()
        code = self._wait()
        if self._buffer:
            raise LeftError(f"{_manner(code)} after it printed {self._text()}")
        raise LeftError(f"{_manner(code)} without a further word", quietly=code == 0)

    def _wait(self) -> int | None:
        """The exit code of a child that has closed its output; None if it stays."""
        while self._process.poll() is None and time.monotonic() < self.deadline:
            for key, _ in self._selector.select(0.002):
                self._read(key.fileobj)
        return self._process.poll()

    def _text(self) -> str:
        return shown(self._buffer[:100].decode("ascii", "backslashreplace"))


def _manner(code: int | None) -> str:
    return "closed its output and stayed" if code is None else manner(code)


def _start(command: list[str]) -> Guarded:
    name = command[0] if command else ""
    if os.name != "posix":  # pragma: no cover
        raise CrosscheckError("a program is judged on POSIX systems only; use `freqopt vectors`")
    if not command or (shutil.which(name) is None and not os.access(name, os.F_OK)):
        hint = "is the path right?" if "/" in name else f"one in this folder is called ./{name}"
        raise CrosscheckError(f"there is no program {name!r}; {hint}")
    if shutil.which(name) is None:
        kind = "a folder" if is_folder(name) else "not executable; chmod +x makes it so"
        raise CrosscheckError(f"{name} is {kind}")
    try:
        return Guarded(command)
    except OSError as error:
        hint = "is the interpreter in its first line there? Is it built for this machine?"
        raise CrosscheckError(f"{name} cannot be started: {error.strerror}; {hint}") from None
