"""Words of an int64 array that several threads read and write, in one agreed order."""

from __future__ import annotations

import sys
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from freqopt.backends.numba.jit._memory import intrinsic

WORD = ir.IntType(64)
ORDER = "seq_cst"
YIELD = "SwitchToThread" if sys.platform == "win32" else "sched_yield"


def _place(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Pointer to a word of a contiguous array."""
    view = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(view.data, [arguments[1]])


@intrinsic
def load(typing: Any, words: Any, i: Any) -> Any:
    """words[i]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(
            _place(context, builder, signature, arguments), ORDER, 8, typ=WORD
        )

    return types.int64(words, types.intp), generate


@intrinsic
def store(typing: Any, words: Any, i: Any, value: Any) -> Any:
    """words[i] = value."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[2], _place(context, builder, signature, arguments), ORDER, 8)
        return context.get_dummy_value()

    return types.void(words, types.intp, types.int64), generate


@intrinsic
def add(typing: Any, words: Any, i: Any, value: Any) -> Any:
    """words[i] += value; returns what it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature, arguments)
        return builder.atomic_rmw("add", place, arguments[2], ORDER)

    return types.int64(words, types.intp, types.int64), generate


@intrinsic
def replace(typing: Any, words: Any, i: Any, old: Any, new: Any) -> Any:
    """words[i] = new if it was `old`; returns whether it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature, arguments)
        answer = builder.cmpxchg(place, arguments[2], arguments[3], ORDER)
        return builder.extract_value(answer, 1)

    return types.boolean(words, types.intp, types.int64, types.int64), generate


@intrinsic
def let_others_run(typing: Any) -> Any:
    """Give the core to another thread that waits for one, if there is any."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, YIELD), [])
        return context.get_dummy_value()

    return types.void(), generate
