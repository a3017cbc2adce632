"""Signals that ask the command to end: it ends like at Ctrl-C, what is finished kept.

SIGTERM is what batch systems, service managers and containers send, SIGHUP what a closed terminal
does. The exit code is 128 and the signal's number, as a shell would give it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from freqopt._interrupts import Ended, tell_apart

_received = signal.SIGINT
_ending = False
_since = 0.0

SAME = 0.5
"""Seconds in which another signal is no other request."""


@contextmanager
def heard() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise `Ended`, unless whoever started us has them ignored."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")  # not every system has all
    asked = [getattr(signal, name) for name in names if hasattr(signal, name)]
    usual = {one: signal.getsignal(one) for one in asked}
    ours = [one for one in asked if usual[one] in (signal.SIG_DFL, signal.default_int_handler)]
    for one in ours:
        signal.signal(one, _interrupt)
    tell_apart()
    try:
        yield
    finally:
        _forget()
        tell_apart(apart=False)
        for one in ours:
            signal.signal(one, usual[one])


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """End, once.

    What comes within half a second of a signal is the same request: a terminal asks the whole
    group, whose guard passes it on, and nobody means to disturb the end itself.
    """
    global _received, _ending, _since
    if _ending and time.monotonic() - _since < SAME:
        return
    _received, _ending, _since = signal.Signals(number), True, time.monotonic()
    raise Ended


def _forget() -> None:
    global _ending  # noqa: PLW0603
    _ending = False


def ending() -> bool:
    """Whether a signal came: what is raised then may be `Ended` in a compiler's own wrapping."""
    return _ending


def how() -> str:
    """What to say of a KeyboardInterrupt."""
    return "interrupted" if _received is signal.SIGINT else f"ended by {_received.name}"


def exit_code() -> int:
    """What to exit with after a KeyboardInterrupt."""
    return 128 + _received
