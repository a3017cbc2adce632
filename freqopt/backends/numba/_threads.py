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
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba._dispatcher import compute_fingerprint
from numba.core import cgutils

from freqopt.backends.numba._atomic import add, let_others_run, load, replace, store
from freqopt.backends.numba._call import address_of, types_of
from freqopt.backends.numba._compile import compiled, entry
from freqopt.backends.numba._memory import BYTES, intrinsic

# The words that a team shares, each in a cache line of its own.
TICKET, ENDED, FAILED, AWAKE, PARTS, WORK, ARGUMENTS = range(0, 56, 8)
PART_BITS = 32
"""A ticket is the number of the task, and below it the next part that nobody has taken."""
PATIENCE = 10_000
"""Looks for work, some 2 ms, before a thread sleeps."""
TASK = ir.FunctionType(ir.IntType(32), [ir.IntType(64), BYTES])


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Team:
    """Threads that wait for the parts of a task, one for each core but the caller's."""

    def __init__(self) -> None:
        self._words = np.zeros(64, np.int64)
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._helpers = 0
        self._busy = threading.Lock()

    def run(self, kernel: Any, arguments: tuple[Any, ...], parts: int) -> None:
        """Call kernel(0, *arguments), ..., kernel(parts - 1, *arguments), at the same time.

        While another thread uses the team, the caller works on all parts by itself.

        Parameters
        ----------
        kernel : made by `_compile.entry`
            Its first argument is an int, the part.
        """
        if parts == 1 or not self._busy.acquire(blocking=False):
            for part in range(parts):
                kernel(part, *arguments)
            return
        try:
            share, address = _shared(kernel, arguments)  # compiles: before anybody is awake
            self._wake(min(parts, usable_cores()) - 1)
            if share(self._words, parts, address, arguments):
                raise AssertionError("a part of a step failed; its table is half updated")
        finally:
            self._busy.release()

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
        _look_for_work(words)


@compiled
def _work(words: Any, task: int) -> None:
    """Take parts of a task until none is left."""
    while True:
        ticket = load(words, TICKET)
        part, work, arguments = ticket & (2**PART_BITS - 1), words[WORK], words[ARGUMENTS]
        if ticket >> PART_BITS != task or part >= words[PARTS]:
            return
        if replace(words, TICKET, ticket, ticket + 1):
            if _call(work, part, arguments):
                store(words, FAILED, 1)
            add(words, ENDED, 1)


@entry("look for work")
def _look_for_work(words: Any) -> None:
    """Work on every task that comes, until none has come for a while."""
    add(words, AWAKE, 1)
    seen, looks = 0, 0
    while looks < PATIENCE:
        task = load(words, TICKET) >> PART_BITS
        if task != seen:
            _work(words, task)
            seen, looks = task, 0
        let_others_run()
        looks += 1
    add(words, AWAKE, -1)


_known: dict[tuple[Any, bytes], tuple[Callable[..., bool], int]] = {}


def _shared(kernel: Any, arguments: tuple[Any, ...]) -> tuple[Callable[..., bool], int]:
    """What `_share` makes for arguments of these types, and the kernel's address."""
    known = kernel, compute_fingerprint(arguments)
    if known not in _known:
        kinds = types_of(arguments)
        _known[known] = _share(kinds), address_of(kernel, (types.int64, *kinds))
    return _known[known]


def _share(kinds: tuple[Any, ...]) -> Callable[..., bool]:
    """A compiled function (words, parts, address, arguments): share a task out and work on it.

    address: of a kernel for a part and arguments of these types. Returns whether a part failed.
    """
    packed = _packed(kinds)

    @entry(f"share {kinds}")
    def share(words: Any, parts: int, address: int, arguments: Any) -> bool:
        words[WORK], words[ARGUMENTS] = packed(address, arguments)
        words[PARTS], words[ENDED], words[FAILED] = parts, 0, 0
        task = (load(words, TICKET) >> PART_BITS) + 1
        store(words, TICKET, task << PART_BITS)
        _work(words, task)
        while load(words, ENDED) < parts:
            let_others_run()
        return bool(words[FAILED])

    return share


def _packed(kinds: tuple[Any, ...]) -> Any:
    """A compiled function (address, arguments) of two addresses, for `_call`.

    Of code that calls the kernel at `address` for one part; and of the arguments on the caller's
    stack, where they lie until it returns.
    """

    @intrinsic
    def packed(typing: Any, address: Any, arguments: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            convention, whole = context.call_conv, types.Tuple((address, arguments))
            memory = cgutils.alloca_once_value(
                builder, context.make_tuple(builder, whole, tuple(values))
            )
            work = ir.Function(builder.module, TASK, builder.module.get_unique_name("work"))
            work.linkage = "internal"
            inside = ir.IRBuilder(work.append_basic_block())
            part, place = work.args
            given = inside.load(inside.bitcast(place, memory.type), typ=memory.allocated_type)
            kernel, given = (inside.extract_value(given, k) for k in range(2))
            all_kinds = (types.int64, *kinds)
            kind = convention.get_function_type(types.none, all_kinds).as_pointer()
            given = [part, *(inside.extract_value(given, k) for k in range(len(kinds)))]
            status, _ = convention.call_function(
                inside, inside.inttoptr(kernel, kind), types.none, all_kinds, given
            )
            inside.ret(inside.zext(status.is_error, ir.IntType(32)))
            found = [builder.ptrtoint(pointer, ir.IntType(64)) for pointer in (work, memory)]
            return context.make_tuple(builder, signature.return_type, found)

        return types.UniTuple(types.int64, 2)(types.intp, arguments), generate

    return packed


@intrinsic
def _call(typing: Any, work: Any, part: Any, arguments: Any) -> Any:
    """Work on a part, with what `_packed` gave; whether it failed."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        code = builder.inttoptr(values[0], TASK.as_pointer())
        failed = builder.call(code, [values[1], builder.inttoptr(values[2], BYTES)])
        return builder.icmp_unsigned("!=", failed, failed.type(0))

    return types.boolean(types.intp, types.int64, types.intp), generate


team = Team()
"""The team of this process."""


def _after_fork() -> None:
    global team  # noqa: PLW0603 - threads do not survive a fork, so the child gets a new team
    team = Team()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
