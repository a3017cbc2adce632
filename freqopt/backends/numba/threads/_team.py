"""A team of threads that work on the parts of one step.

A step takes a tenth of a millisecond, and waking a sleeping thread takes nearly as long. So the
threads wait in compiled code, without the interpreter lock, and look for work for a while before
they sleep. The caller works too, on whatever part nobody has taken yet: where the others sleep or
have no core, it does everything by itself, and never waits but for a part that is being worked on.
Numba's own pools are not used: they end the process on a fork or on a call from a second thread.
"""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue
from typing import Any

import numpy as np
from numba import types

from freqopt.backends.numba.jit._call import address_of, types_of
from freqopt.backends.numba.jit._private import compute_fingerprint
from freqopt.backends.numba.threads._tasks import AWAKE, WORDS, look_for_work, sharing

_known: dict[tuple[tuple[Any, ...], bytes], tuple[Any, tuple[int, ...]]] = {}


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Team:
    """Threads that wait for the parts of a task, one for each core but the caller's."""

    def __init__(self) -> None:
        self._words = np.zeros(WORDS, np.int64)
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._helpers = 0

    def run(self, kernel: Any, arguments: tuple[Any, ...], parts: int) -> None:
        """Call kernel(0, *arguments), ..., kernel(parts - 1, *arguments), at the same time.

        While another thread uses the team, the caller works on all parts by itself.

        Parameters
        ----------
        kernel : made by `_compile.entry`
            Its first argument is an int, the part.
        """
        if parts == 1:
            kernel(0, *arguments)
        else:
            self.run_in_turn((kernel,), (arguments,), parts)

    def run_in_turn(
        self, kernels: tuple[Any, ...], arguments: tuple[tuple[Any, ...], ...], parts: int
    ) -> None:
        """The same for one kernel or two; the second begins when all parts of the first end.

        It is one call of compiled code, so a Ctrl-C is raised before all of it or behind.
        """
        share, addresses = self._shared(kernels, arguments)  # compiles: before anybody is awake
        if parts > 1:
            self._wake(min(parts, usable_cores()) - 1)
        if share(self._words, parts, addresses, arguments):
            raise AssertionError("a part of a step failed; its table is half updated")

    def _shared(
        self, kernels: tuple[Any, ...], arguments: tuple[tuple[Any, ...], ...]
    ) -> tuple[Any, tuple[int, ...]]:
        """What shares kernels' parts out, for arguments of these types, and their addresses."""
        known = kernels, compute_fingerprint(arguments)
        if known not in _known:
            tasks, words = tuple(map(types_of, arguments)), types_of((self._words,))
            addresses = tuple(
                address_of(kernel, (types.int64, *kinds))
                for kernel, kinds in zip(kernels, tasks, strict=True)
            )
            share, whole = sharing(tasks), types.Tuple([types.Tuple(kinds) for kinds in tasks])
            share.compile((*words, types.int64, *types_of((addresses,)), whole))
            look_for_work.compile(words)
            _known[known] = share, addresses
        return _known[known]

    def _wake(self, wanted: int) -> None:
        """See to it that so many helpers will look for work."""
        while self._helpers < wanted:
            threading.Thread(
                target=_help, args=(self._words, self._bell), name="freqopt", daemon=True
            ).start()
            self._helpers += 1
        for _ in range(wanted - int(self._words[AWAKE]) - self._bell.qsize()):
            self._bell.put(None)


def _help(words: Any, bell: SimpleQueue[None]) -> None:
    """The life of a helper."""
    while True:
        bell.get()
        look_for_work(words)


team = Team()
"""The team of this process."""


def _after_fork() -> None:
    global team  # noqa: PLW0603 - threads do not survive a fork, so the child gets a new team
    team = Team()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
