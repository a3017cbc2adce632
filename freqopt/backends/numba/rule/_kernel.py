"""A rule's kernel, compiled: what reads `Rule.kernel` for the fused step and the whole loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np

from freqopt.backends.numba.arithmetic import _elementary
from freqopt.backends.numba.jit._compile import compiled
from freqopt.backends.numba.rule._scalars import Structure, rate_of
from freqopt.kernels import Kernel
from freqopt.kernels._read import Reading, read
from freqopt.kernels._rewrite import Rewriter
from freqopt.optimizers import Rule

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": np.sqrt,
    "isnan": np.isnan,
    "abs": abs,
    "float": np.float64,
    **{
        name: getattr(_elementary, name)
        for name in (
            "integer_power", "power", "exp", "expm1", "log", "log1p", "sigmoid", "softplus"
        )
    },
}  # fmt: skip
"""Name of `freqopt.kernels._functions.KNOWN` -> what compiled code calls."""


def find_kernel(rule: Rule, dtype: Any) -> tuple[Kernel, Structure]:
    """The compiled kernel of a rule for tables of a dtype.

    Raises
    ------
    BackendError
        The rule has no kernel of its own.
    KernelError
        Its kernel cannot be read.
    """
    reading = read(rule, dtype)
    structure = Structure(rule, numba.from_dtype(np.dtype(dtype)), reading)
    return _compiled(reading, structure.kind), structure


@cache
def _compiled(reading: Reading, kind: type[Rule]) -> Kernel:
    functions = {**FUNCTIONS, "rate": rate_of(kind)}
    return Rewriter(reading.text, reading.dtype, functions, compiled).kernel(reading)
