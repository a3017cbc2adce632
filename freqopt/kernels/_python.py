"""A kernel run by Python, number by number: the second reference of every rule."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from freqopt.kernels._form import Kernel, hyper
from freqopt.kernels._read import Reading, read
from freqopt.kernels._rewrite import Rewriter
from freqopt.streams import elementary


def _scalar(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *numbers: np.float64(function(*numbers))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": np.sqrt,
    "isnan": np.isnan,
    "abs": np.abs,
    "float": np.float64,
    "rate": lambda h, t: np.float64(h.rate(int(t))),
    "integer_power": lambda base, n: np.float64(elementary.integer_power(float(base), int(n))),
    **{
        name: _scalar(getattr(elementary, name))
        for name in ("power", "exp", "expm1", "log", "log1p", "sigmoid", "softplus")
    },
}
"""Name of `freqopt.kernels._functions.KNOWN` -> what Python computes."""


class Numbers(list[Any]):
    """A rule's hyper vector for `scalars`, and its rate.

    Parameters
    ----------
    rule : Rule
    rate : function (t) -> learning rate of batch t
    """

    def __init__(self, rule: Any, rate: Callable[[int], float]) -> None:
        super().__init__(hyper(rule))
        self.rate = rate


def scalar_kernel(rule: Any, dtype: Any) -> tuple[Kernel, Reading]:
    """A rule's kernel on NumPy's numbers, as `Rewriter.kernel`."""
    reading = read(rule, dtype)
    return _kernel(reading), reading


@cache
def _kernel(reading: Reading) -> Kernel:
    return Rewriter(reading.text, reading.dtype, FUNCTIONS, lambda f: f).kernel(reading)
