"""What a problem is to the compiler: how its samples are drawn, and what gradient one step has.

The file of a problem of the library, beside this one, holds `kernel(problem, real) ->
ProblemKernel`, with `real` the tables' dtype as Numba's type. It says what `draw` and `gradients`
of the problem mean, for a batch of one step, in the same order of operations. A problem of one's
own brings a kernel in the language of `freqopt.kernels`, see `_own`. A file of the library may hold
`objective(problem, tables)` too, which has the bits of the problem's own, and `objective_kernel`:
what that compiles, for which types.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numba
import numpy as np

from freqopt.backends.numba.jit._compile import at_hand
from freqopt.problems import Problem

_made: dict[str, ProblemKernel] = {}


class Field(NamedTuple):
    """One array of the samples: the field of the same name that `Problem.draw` gives."""

    name: str
    dtype: Any
    width: int = 1
    """Numbers per sample."""


class Star(NamedTuple):
    """A sample's gradient where one row of the first table meets several of the second.

    Attributes
    ----------
    partners : int
    slopes : (u, v) -> tuple
        From the addresses of the row, and of each partner with what a rule keeps beside it. Slope m
        times u is the gradient of partner m; the fold of slope_m v_m is that of u.
    """

    partners: int
    slopes: Callable[..., Any]


class ProblemKernel(NamedTuple):
    """A problem's equations as compiled functions.

    Attributes
    ----------
    key : str
        Name of the code; problems with one key differ in their data only.
    data : tuple of arrays and numbers
    fields : tuple of Field
        The samples: arrays (S, B * width) for S steps of B samples.
    tables : table -> name of the integer field that holds its rows, occurrence by occurrence
    draw : (data, seed, run, first, count, batch, samples) -> None
        Fills the samples of the steps first .. first + count - 1.
    gradient : (data, tables, places, samples, s, batch, grads, work) -> None
        Fills one gradient (B * width, d) per table, at the s-th step's samples. places[k][s, n] is
        where in tables[k] the row of occurrence n stands.
    scratch : int
        Numbers that `work`, of the tables' dtype, has room for.
    star : Star or None
        The same gradient in short, for steps of one sample.
    for_steps : (seed, run, first, until, batch) -> data, or None
        Gives, in Python, the data of the steps first .. until - 1 where it is not the same for all.
    """

    key: str
    data: tuple[Any, ...]
    fields: tuple[Field, ...]
    tables: dict[str, str]
    draw: Callable[..., None]
    gradient: Callable[..., None]
    scratch: int = 1
    star: Star | None = None
    for_steps: Callable[..., tuple[Any, ...]] | None = None


def find_problem(problem: Problem, dtype: Any) -> ProblemKernel:
    """The kernel of a problem for tables of a dtype.

    Raises
    ------
    BackendError
        The problem has no kernel, or the law of its samples none.
    KernelError
        Its own kernel cannot be read.
    """
    real = numba.from_dtype(np.dtype(dtype))
    found: ProblemKernel = _home(problem).kernel(problem, real)
    known = _made.setdefault(f"{found.key} {real}", found)
    # What is compiled once is compiled once per process.
    return found._replace(draw=known.draw, gradient=known.gradient, star=known.star)


def find_objective(
    problem: Problem, *, compiling: bool
) -> Callable[[Any, Mapping[str, Any]], float] | None:
    """The exact objective of a problem, compiled, as a function of the problem and its tables.

    None where there is none, and where it would have to be compiled and `compiling` is false.
    """
    home = _home(problem)
    if not hasattr(home, "objective") or not (compiling or at_hand(*home.objective_kernel)):
        return None
    found: Callable[[Any, Mapping[str, Any]], float] = home.objective
    return found


def _home(problem: Problem) -> ModuleType:
    """The file of this package for a problem: that of its name, if it is one of the library's."""
    kind, name = type(problem), problem.name()
    own = kind.__module__ != f"freqopt.problems.{name}" or "kernel" in vars(kind)
    return importlib.import_module(f"{__package__}.{'_own' if own else name}")
