"""What a metric is given and what it gives back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from freqopt.backends import Backend, Movement
from freqopt.problems import Constants, Problem
from freqopt.streams.fold import fold
from freqopt.typing import Doubles, Integers


class Reading(NamedTuple):
    """One number, or one number per token, under the name it is stored by.

    Attributes
    ----------
    metric : str
    value : float, or float64 (n,)
    table, group : str
        "all" where the value is not of one table or group.
    token : int64 (n,), or None
        Row of each value; None (stored as -1) where the value is not of one token.
    """

    metric: str
    value: float | Doubles
    table: str = "all"
    group: str = "all"
    token: Integers | None = None


@dataclass(frozen=True)
class Checkpoint:
    """A simulation at one step, to be looked at and left as it is.

    Attributes
    ----------
    problem : Problem
    tables : name -> table (N, d), read by `np.asarray(table, np.float64)`
        Rows that a lazy rule has left behind are brought up to the present.
    step : int
    movement : name -> Movement, or None
        Sums since the previous checkpoint, for metrics with `tracks_movement`.
    groups : name -> group -> rows
    states : parameter -> slot -> array
        Of the rule; those of a GPU only where their arrays are brought back.
    backend : Backend
        What computes the objective; by default the problem itself.
    """

    problem: Problem
    tables: dict[str, Any]
    step: int
    movement: dict[str, Movement] | None
    groups: dict[str, dict[str, Integers]]
    states: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    backend: Backend = field(default_factory=Backend)

    @property
    def constants(self) -> Constants:
        """The problem's constants."""
        return self.problem.constants

    @cached_property
    def objective(self) -> float:
        """f, computed once for all metrics."""
        return self.backend.objective(self.problem, self.tables)

    @cached_property
    def gradient(self) -> dict[str, Doubles]:
        """The exact gradient of f, computed once for all metrics."""
        return self.problem.gradient(self.tables)


class Metric:
    """Something to record at every checkpoint."""

    tracks_movement: ClassVar[bool] = False
    """Whether the backend must keep `Checkpoint.movement` up."""
    diverged: ClassVar[float | None] = None
    """What is recorded at the checkpoints after a run has diverged; None for nothing."""

    @classmethod
    def name(cls) -> str:
        """The metric's name: that of its file.

        Returns
        -------
        str
        """
        return cls.__module__.rsplit(".", 1)[-1]

    def check(self, constants: Constants) -> None:
        """Raise StudyError, before a run begins, if the problem does not know what is needed.

        Parameters
        ----------
        constants : Constants
            Of the problem.

        Raises
        ------
        StudyError
            The problem does not know what is needed.
        """

    def measure(self, at: Checkpoint) -> Iterator[Reading]:
        """The readings at one checkpoint.

        Parameters
        ----------
        at : Checkpoint
            Left as it is.

        Yields
        ------
        Reading
        """
        raise NotImplementedError(f"metric {self.name()} defines no measure")


def row_squares(x: Doubles) -> Doubles:
    """Squared Euclidean norm of each row, float64 (N,)."""
    return fold(x * x)


def norm(squares: Doubles) -> float:
    """Square root of the sum of squared norms (N,)."""
    return float(np.sqrt(fold(squares)))
