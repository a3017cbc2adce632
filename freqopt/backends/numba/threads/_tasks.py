"""A task shared out to threads that wait in compiled code, without the interpreter lock.

The parts of a task are called by address, with the arguments where the caller has them on its
stack. Whoever looks first takes the next part: the threads that wait, and the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from freqopt.backends.numba.jit._compile import compiled, entry
from freqopt.backends.numba.jit._memory import BYTES, intrinsic
from freqopt.backends.numba.threads._atomic import add, let_others_run, load, replace, store

# The words that a team shares, each in a cache line of its own.
WORDS = 64
TICKET, ENDED, FAILED, AWAKE, BUSY, PARTS, WORK, ARGUMENTS = range(0, WORDS, 8)
PART_BITS = 32
"""A ticket is the number of the task, and below it the next part that nobody has taken."""
LAST_TASK = 2**31 - 1
"""The largest number of a task, before 0 again: a ticket stays positive."""
CLOSED = 2**PART_BITS - 1
"""The part of a ticket while the task's other words change: whoever looked before takes none."""
PATIENCE = 10_000
"""Looks for work, some 2 ms, before a thread sleeps."""
TASK = ir.FunctionType(ir.IntType(32), [ir.IntType(64), BYTES])


@compiled
def _work(words: Any, task: int) -> None:
    """Take parts of a task until none is left."""
    while True:
        ticket = load(words, TICKET)
        part, work, arguments = ticket & CLOSED, words[WORK], words[ARGUMENTS]
        if ticket >> PART_BITS != task or part >= words[PARTS]:
            return
        if replace(words, TICKET, ticket, ticket + 1):
            if _call(work, part, arguments):
                store(words, FAILED, 1)
            add(words, ENDED, 1)


@entry("look for work")
def look_for_work(words: Any) -> None:
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


def sharing(tasks: tuple[tuple[Any, ...], ...]) -> Callable[..., bool]:
    """A compiled function (words, parts, addresses, arguments): work on one or two tasks in turn.

    addresses: of a kernel for each task; arguments: of each kernel but for the part, of the types
    that `tasks` says. Returns whether a part failed; the second task begins if none did.

    While another thread shares a task out to the team, the caller works on all parts by itself.
    Who it is stands in a word and not in a lock of Python's: a Ctrl-C could leave that locked.
    """
    share = _sharing(tasks[0])
    share_second = _sharing(tasks[-1])
    both = len(tasks) == 2

    @entry(f"share {tasks}")
    def share_in_turn(words: Any, parts: int, addresses: Any, arguments: Any) -> bool:
        together = parts > 1 and replace(words, BUSY, 0, 1)
        failed = share(words, together, parts, addresses[0], arguments[0])
        if both and not failed:
            failed = share_second(words, together, parts, addresses[-1], arguments[-1])
        if together:
            store(words, BUSY, 0)
        return failed

    return share_in_turn


def _sharing(kinds: tuple[Any, ...]) -> Callable[..., bool]:
    """A compiled function (words, together, parts, address, arguments) for one task."""
    packed = _packed(kinds)

    @compiled
    def share(words: Any, together: bool, parts: int, address: int, arguments: Any) -> bool:
        work, given = packed(address, arguments)
        if not together:
            failed = False
            for part in range(parts):
                failed |= _call(work, part, given)
            return failed
        task = load(words, TICKET) >> PART_BITS
        store(words, TICKET, task << PART_BITS | CLOSED)
        words[WORK], words[ARGUMENTS] = work, given
        words[PARTS], words[ENDED], words[FAILED] = parts, 0, 0
        task = (task + 1) & LAST_TASK
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
