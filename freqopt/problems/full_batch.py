"""Full batches: another problem, every step of which takes the exact gradient of its objective.

**Problem.** min f(tables), f the objective of the problem `of`; a step sees grad f, no sample is
drawn. `of` is a problem with its name and fields:

    problem = {name = "full_batch", of = {name = "linear_bigram", loss = "cross_entropy"}}

**Rows.** Every step holds every row, with its part of grad f. `frequency` stays that of a token in
the problem `of`: rates that depend on frequencies, p_k^-q, then precondition grad f, whose row k
has the weight p_k (law L3 of docs/laws.md).

**Backends.** NumPy: a step is one sum over the whole problem, which is whole-array work already.

**Source.** Kunstner and Bach 2025 (arXiv 2505.19227) compare gradient and sign descent so.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from freqopt.errors import BackendError, ProblemError
from freqopt.kernels import ProblemKernel, Real
from freqopt.problems._problem import Constants, Problem, Samples, Sparse, Tables
from freqopt.typing import Floats, Integers


class FullBatch(Problem):
    """The problem `of`, with exact gradients; its tables."""

    of: dict[str, Any] = Field(
        {"name": "token_quadratic"}, description="The problem: its name and fields."
    )

    @model_validator(mode="after")
    def _is_a_problem(self) -> Self:
        from freqopt.problems import problems

        fields = dict(self.of)
        name = fields.pop("name", None)
        if not isinstance(name, str) or name == self.name():
            raise ValueError(
                f"of has the name {name!r}; expected that of another problem, as in "
                'of = {name = "linear_bigram"}'
            )
        try:
            made = problems[name](**fields)
        except ProblemError as error:
            raise ValueError(f"of: {error}") from None
        vars(self)["problem"] = made
        vars(self)["of"] = {"name": name, **made.model_dump()}  # complete, with defaults
        return self

    @cached_property
    def problem(self) -> Problem:
        """The problem `of`."""
        raise AssertionError("set when the fields are checked")

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Of the problem `of`."""
        return self.problem.shapes

    @cached_property
    def constants(self) -> Constants:
        """Of the problem `of`, without noise."""
        known = self.problem.constants
        still = {name: np.zeros(rows) for name, (rows, _) in self.shapes.items()}
        notes = {**known.notes, "deviation": "exact: a full batch has no noise"}
        return replace(known, deviation=still, notes=notes)

    def start(self, seed: int, run: int, dtype: Any = np.float64) -> dict[str, Floats]:
        """Of the problem `of`."""
        return self.problem.start(seed, run, dtype)

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> Samples:  # noqa: ARG002
        """Nothing is drawn.

        Raises
        ------
        ProblemError
            A batch of more than one.
        """
        if batch != 1:
            raise ProblemError(
                f"a batch of {batch} full batches; expected 1, the whole problem. Remove `batch`"
            )
        return {}

    def losses(self, tables: Tables, samples: Samples) -> NDArray[np.float64]:  # noqa: ARG002
        """The objective, float64 (1,)."""
        return np.array([self.objective(tables)])

    def gradients(self, tables: Tables, samples: Samples) -> Sparse:  # noqa: ARG002
        """Every row with its part of the exact gradient, in the tables' dtype."""
        return {
            name: (np.arange(len(part)), part.astype(tables[name][np.arange(1)].dtype))
            for name, part in self.gradient(tables).items()
        }

    def kernel(self, real: Real) -> ProblemKernel:  # noqa: ARG002
        """There is none.

        Raises
        ------
        BackendError
            Always, with the reason.
        """
        raise BackendError(
            "problem full_batch runs in NumPy only: a step is one sum over the whole problem, "
            "which has no form for one sample"
        )

    def objective(self, tables: Tables) -> float:
        """Of the problem `of`."""
        return self.problem.objective(tables)

    def gradient(self, tables: Tables) -> dict[str, NDArray[np.float64]]:
        """Of the problem `of`."""
        return self.problem.gradient(tables)

    def metrics(self, tables: Tables) -> dict[str, float]:
        """Of the problem `of`."""
        return self.problem.metrics(tables)
