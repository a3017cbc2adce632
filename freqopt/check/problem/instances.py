"""The forms in which a problem is looked at: by default, small, and with every choice."""

from __future__ import annotations

import time
import typing
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freqopt.crosscheck.cases.dialects import number
from freqopt.problems import Constants, Problem, Samples
from freqopt.streams import Stream

SMALL = (3, 4, 2, 5)
"""What whole numbers are made in the small form; the first that the problem takes."""

SLOW = 0.015
"""Seconds for an objective and a gradient above which a small form is looked at instead."""

Tables = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Instance:
    """A problem with fields of its own.

    Attributes
    ----------
    label : str
        "the defaults", "size = 3".
    kind : type of Problem
    fields : dict
    briefly : bool
        Whether fewer points are looked at: a choice beside those of another instance.
    """

    label: str
    kind: type[Problem]
    fields: dict[str, Any]
    briefly: bool = False

    @cached_property
    def problem(self) -> Problem:
        """Made once."""
        return self.kind(**self.fields)

    @cached_property
    def is_slow(self) -> bool:
        """Whether the exact objective takes so long that few can be asked for."""
        tables, problem = self.problem.start(1, 0), self.problem
        took = []
        for _ in range(3):
            began = time.process_time()
            problem.objective(tables)
            problem.gradient(tables)
            took.append(time.process_time() - began)
        return min(took) > SLOW

    @cached_property
    def draws_nothing(self) -> bool:
        """Whether a sample is the whole problem: no fields, and gradients without noise."""
        return self.problem.draw(0, 0, np.array([0]), 1) == {}

    @property
    def where(self) -> str:
        """For a sentence; the defaults need no word."""
        return "" if not self.fields else f" (with {self.label})"

    def is_bound(self, constant: str) -> bool:
        """Whether the notes say "bound" of that constant, or of none in particular."""
        notes, known = self.problem.constants.notes, {field.name for field in fields(Constants)}
        said = [text for name, text in notes.items() if name == constant or name not in known]
        return any("bound" in text.lower() for text in said)

    def points(self) -> Iterator[tuple[str, Tables]]:
        """Places to look at: near the start, around zero at several sizes, near the minimiser."""
        problem = self.problem
        start = {k: np.array(v, np.float64) for k, v in problem.start(1, 0).items()}
        yield "near the start", self._near(start, 0.01, "start")
        for scale in (1.5,) if self.briefly else (0.3, 1.5, 6.0):
            zero = {name: np.zeros(shape) for name, shape in problem.shapes.items()}
            yield f"at random tables of size {scale:g}", self._near(zero, scale, f"{scale}")
        optimum = problem.constants.optimum
        if optimum is not None:
            best = {k: np.array(v, np.float64) for k, v in optimum.items()}
            yield "near the minimiser", self._near(best, 0.1, "best")

    def _near(self, tables: Tables, scale: float, purpose: str) -> Tables:
        return {
            name: table
            + scale * Stream(7, 0, f"{purpose} {name}").normal(0, table.size).reshape(table.shape)
            for name, table in tables.items()
        }

    def samples(self, step: int, batch: int) -> Samples:
        """The samples of one step, fields (B, ...); none where nothing is drawn."""
        if self.draws_nothing:
            return {}
        drawn = self.problem.draw(1, 2, np.array([step]), batch)
        return {name: values[0] for name, values in drawn.items()}


def instances(kind: type[Problem]) -> list[Instance]:
    """The defaults, a small form, and each choice or switch off its default; numbers changed."""
    found = [Instance("the defaults", kind, {})]
    small = _small(kind)
    if small:
        found.append(Instance(f"small sizes: {_said(small)}", kind, small))
    for name, field in kind.model_fields.items():
        what = number(field)
        if typing.get_origin(field.annotation) is typing.Literal:
            others = [v for v in typing.get_args(field.annotation) if v != field.default]
        elif what is bool:
            others = [not field.default]
        elif what is float and isinstance(field.default, int | float):
            others = _beside(kind, name, field.default)
        else:
            continue
        found += [
            Instance(
                f"{name} = {v:.4g}" if isinstance(v, float) else f"{name} = {v}",
                kind,
                {**small, name: v},
                True,
            )
            for v in others
        ]
    return found


def _beside(kind: type[Problem], name: str, value: float) -> list[float]:
    """A smaller and a larger number that the field takes: a bound may hold on one side alone."""
    found = []
    for sign in (-1, 1):
        tried = (value + sign * part * (abs(value) + 0.5) for part in (0.6, 0.2, 0.04))
        found += [next((v for v in tried if _works(kind, {name: v})), None)]
    return [v for v in found if v is not None]


def _small(kind: type[Problem]) -> dict[str, Any]:
    """Fields with all whole numbers small, if the problem takes that; empty if it has none."""
    whole = kind().model_dump(mode="json")
    for size in SMALL:
        small = {name: _shrunk(name, value, size) for name, value in whole.items()}
        changed = {name: value for name, value in small.items() if value != whole[name]}
        if changed and _works(kind, changed):
            return changed
    return {}


def _shrunk(name: str, value: Any, size: int) -> Any:
    """A field with its whole numbers, and those inside of it, at most so large."""
    if isinstance(value, dict):
        return {inner: _shrunk(inner, part, size) for inner, part in value.items()}
    if isinstance(value, bool) or not isinstance(value, int) or name in ("seed", "instance"):
        return value
    return min(value, size)


def _works(kind: type[Problem], fields: dict[str, Any]) -> bool:
    """Whether the problem takes the fields and begins: not all numbers mean something."""
    try:
        problem = kind(**fields)
        tables = problem.start(0, 0)
        problem.draw(0, 0, np.array([0]), 2)
        return bool(np.isfinite(problem.objective(tables)))
    except Exception:
        return False


def _said(fields: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in fields.items())


def copies(tables: Tables) -> Tables:
    """Tables of their own."""
    return {name: table.copy() for name, table in tables.items()}


def dense(shapes: dict[str, tuple[int, int]], sparse: Any) -> Tables:
    """A sparse gradient as full float64 tables: occurrences added."""
    out = {name: np.zeros(shape) for name, shape in shapes.items()}
    for name, (rows, grads) in sparse.items():
        np.add.at(out[name], rows, np.asarray(grads, np.float64))
    return out


def line_of(kind: type[Problem], method: str) -> str:
    """Where a method stands, for the end of a sentence: "look at gradients, line 40 of mine.py"."""
    code = getattr(getattr(kind, method), "__code__", None)
    if code is None:  # a property
        return f"look at {method} of {kind.__name__}"
    return f"look at {method}, line {code.co_firstlineno} of {code.co_filename}"


__all__ = ["Instance", "Tables", "copies", "dense", "instances", "line_of"]
