"""The functions that a kernel may call, and what they mean for one number.

Some are known to every reader by a name (`KNOWN`), each reader has its own for it. The others are
written here in the kernel's own language, and read like a helper of the kernel's file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from freqopt.streams import elementary


def quotient(a: Any, b: Any) -> Any:
    """a / b, or 0 where b is 0.

    Without a branch, which would keep a compiler from vectorising the loop around it.

    Parameters
    ----------
    a, b : numbers

    Returns
    -------
    number
    """
    ratio = a / (1 if b == 0 else b)
    return 0 if b == 0 else ratio


def _lesser(a: Any, b: Any) -> Any:
    """Python's `min`."""
    return b if b < a else a


def _greater(a: Any, b: Any) -> Any:
    """Python's `max`."""
    return b if b > a else a


def _minimum(a: Any, b: Any) -> Any:
    """NumPy's: NaN if either is."""
    return a if a <= b or np.isnan(a) else b


def _maximum(a: Any, b: Any) -> Any:
    return a if a >= b or np.isnan(a) else b


def _sign(x: Any) -> Any:
    """-1, 0, 1, or NaN."""
    return x if np.isnan(x) else (1 if x > 0 else (-1 if x < 0 else 0))


def _square(x: Any) -> Any:
    return x * x


def _clip(x: Any, least: Any, most: Any) -> Any:
    return _minimum(_maximum(x, least), most)


def _where(test: Any, a: Any, b: Any) -> Any:
    return a if test else b


KNOWN: dict[Any, str] = {
    np.sqrt: "sqrt",
    math.sqrt: "sqrt",
    np.isnan: "isnan",
    math.isnan: "isnan",
    abs: "abs",
    np.abs: "abs",
    np.fabs: "abs",
    math.fabs: "abs",
    float: "float",
    np.float64: "float",
    elementary.integer_power: "integer_power",
    **{
        getattr(elementary, name): name
        for name in ("power", "exp", "expm1", "log", "log1p", "sigmoid", "softplus")
    },
}
"""Function -> the name by which every reader knows it."""

WRITTEN: dict[Any, Callable[..., Any]] = {
    min: _lesser,
    max: _greater,
    np.minimum: _minimum,
    np.maximum: _maximum,
    np.sign: _sign,
    np.square: _square,
    np.clip: _clip,
    np.where: _where,
}
"""Function -> what it means, in the kernel's own language."""

ARITY = {"integer_power": 2, "power": 2}
"""Numbers that a known function takes; the others take one."""

ALLOWED = (
    "a kernel consists of assignments, if, return, + - * /, comparisons, and/or/not, calls of its "
    "own helper functions, float, abs, min, max, the options' real, numpy's sqrt, square, sign, "
    "isnan, minimum, maximum, clip, where, freqopt.kernels' quotient, and "
    "freqopt.streams.elementary's integer_power, power, exp, expm1, log, log1p, sigmoid, softplus "
    "(docs/add_a_rule.md)"
)
