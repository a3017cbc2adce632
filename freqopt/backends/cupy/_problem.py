"""What the loop is told of a problem: its numbers, in the order of `Problem` in its CUDA file.

A problem has two files in `problems/`: `NAME.cuh`, its draw and gradients, and `NAME.py` with one
function `data(problem) -> ProblemData`.
"""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from freqopt.errors import BackendError
from freqopt.problems import Problem
from freqopt.problems._pairs import Observed, PairLaw, Product, Topics
from freqopt.problems._passes import Passes
from freqopt.streams import (
    AliasTable,
    BoundedZipf,
    ExponentialTail,
    TokenCounts,
    TokenDistribution,
)

LOSSES = ("squared", "logistic", "cosine")
"""In the order of `Loss` in `source/losses.cuh`."""
TAIL = (
    "exponent",
    "one_minus_s",
    "first",
    "last",
    "start",
    "lowest",
    "spread",
    "surely_accepted",
)
"""The numbers of `freqopt.streams.zipf.Tail`, in the order of `Tail` in `source/streams.cuh`."""


class Law(NamedTuple):
    """`Law` of `source/streams.cuh`."""

    buckets: NDArray[np.uint64]
    size: int
    head: int
    tail: tuple[float, ...]


class ProblemData(NamedTuple):
    """A problem's numbers.

    Attributes
    ----------
    fields : arrays, laws and numbers
        In the order of the fields of `Problem` in the CUDA file: an array is its address there.
    options : name -> constant
    purposes : name -> purpose of a stream
    tables : name -> rows per sample
        In the order of their parts.
    numbers : int
        Numbers of 8 bytes per sample in `samples`.
    scratch : int
        Numbers, of the tables' dtype, in `work`.
    text : str
        Its draw and gradients, if they stand in no file.
    """

    fields: tuple[Any, ...]
    options: dict[str, bool | int]
    purposes: dict[str, str]
    tables: dict[str, int]
    numbers: int = 0
    scratch: int = 0
    text: str = ""


def law(tokens: TokenDistribution) -> Law:
    """A token law as the kernels take it."""
    if isinstance(tokens, BoundedZipf):
        tail = tuple(float(getattr(tokens.tail, name)) for name in TAIL)
        return Law(_buckets(tokens.table), tokens.table.size, tokens.head, tail)
    if isinstance(tokens, ExponentialTail) and tokens.table is None:
        inversion = (tokens.rate, float(tokens._whole), tokens.size - 1.0)
        return Law(np.zeros((1, 2), np.uint64), 0, -1, (*inversion, *(0.0,) * 5))
    if isinstance(tokens, ExponentialTail | TokenCounts) and tokens.table is not None:
        return alias_law(tokens.table)
    raise BackendError(f"the token law {type(tokens).__name__} has no CUDA form")


def alias_law(table: AliasTable) -> Law:
    """A law that is one alias table."""
    return Law(_buckets(table), table.size, -1, (0.0,) * 8)


class PairData(NamedTuple):
    """`Pairs` of `source/pairs.cuh`: see `ProblemData`."""

    fields: tuple[Any, ...]
    options: dict[str, bool | int]
    purposes: dict[str, str]


def pairs(law_of_pairs: PairLaw) -> PairData:
    """A law of pairs as the kernels take it."""
    none = np.zeros(0, np.int64)
    of_i, of_j, coherence, topics = none, none, 0.0, 1
    if isinstance(law_of_pairs, Product):
        kind, laws = 0, (law(law_of_pairs.u.law), law(law_of_pairs.v.law))
    elif isinstance(law_of_pairs, Observed) and not isinstance(law_of_pairs, Passes):
        of_i, of_j, _ = law_of_pairs._counted
        kind, laws = 1, (law(law_of_pairs.law),) * 2
    elif isinstance(law_of_pairs, Topics):
        coherence, topics = law_of_pairs.coherence, law_of_pairs.topics
        kind, laws = 2, (law(law_of_pairs.tokens.law),) * 2
    else:
        raise BackendError(f"pairs of the law {type(law_of_pairs).__name__} have no CUDA form")
    purposes = {"pairs": "pairs", "u": "pairs u", "v": "pairs v", "topic": "pairs topic"}
    return PairData((*laws, of_i, of_j, float(coherence), topics), {"LAW": kind}, purposes)


def _buckets(table: AliasTable) -> NDArray[np.uint64]:
    """Threshold and alias side by side, uint64 (K, 2)."""
    return np.stack([table.thresholds, table.aliases.astype(np.uint64)], axis=1)


def find_problem(problem: Problem) -> ProblemData:
    """The numbers of a problem.

    Raises
    ------
    BackendError
        The problem, or the law of its samples, has no CUDA form.
    """
    kind = type(problem)
    if kind.__module__ != f"freqopt.problems.{problem.name()}" or "kernel" in vars(kind):
        find = importlib.import_module(f"{__package__}._own_problem").own_data
    else:
        find = importlib.import_module(f"{__package__}.problems.{problem.name()}").data
    found: ProblemData = find(problem)
    return found
