"""Floor 1: one text of each rule, and of problems of one's own, and what reads it.

A rule's `kernel` says what happens to one row, number by number, in a small part of Python. It is
run as it stands (`_python`), compiled (`freqopt.backends.numba`), and written as CUDA
(`freqopt.backends.cupy`). What all of these do with it is decided once, in `_reading`.
"""

from __future__ import annotations

from freqopt.kernels._form import Kernel, Options, Real, Visit, choices, hyper
from freqopt.kernels._functions import quotient
from freqopt.kernels._problem import (
    Field,
    Index,
    Lookup,
    Normal,
    ProblemKernel,
    Sign,
    Token,
    Uniform,
)

__all__ = [
    "Field",
    "Index",
    "Kernel",
    "Lookup",
    "Normal",
    "Options",
    "ProblemKernel",
    "Real",
    "Sign",
    "Token",
    "Uniform",
    "Visit",
    "choices",
    "hyper",
    "quotient",
]
