"""Who raised a KeyboardInterrupt: somebody who wants the command to end, or a file of the user's.

Python raises it for a Ctrl-C wherever it happens to be, most often inside a file of the user's that
is being called; and such a file can raise it by itself. Where signals raise `Ended` instead, or
never come, the two can be told apart.
"""

from __future__ import annotations

_told_apart = False


class Ended(KeyboardInterrupt):
    """What a signal raises that asks the command to end.

    Not KeyboardInterrupt itself: one that leaves code in a string (`exec`, of which Numba and
    dataclasses have much) makes Python exit as if by SIGINT, whoever catches it further out.
    """


def tell_apart(*, apart: bool = True) -> None:
    """From now on no signal raises KeyboardInterrupt in this process, but `Ended` or nothing."""
    global _told_apart  # noqa: PLW0603
    _told_apart = apart


def is_request(error: BaseException) -> bool:
    """Whether an error is somebody's request to end; a file's own mistake is none.

    In doubt, in a program of the user's, it is one.
    """
    return isinstance(error, KeyboardInterrupt if not _told_apart else Ended)
