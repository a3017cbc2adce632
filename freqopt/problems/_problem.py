"""What every problem is: samples, gradients, and constants it knows exactly.

A problem has one or more embedding tables. At step t of a run it draws a batch of samples from the
counter-based streams, so that any step can be re-entered; `gradients` turns a batch into sparse
gradients, one entry per occurrence of a row; `objective` and `gradient` are exact expectations
over the samples, never estimates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from freqopt.errors import ProblemError, describe
from freqopt.kernels import ProblemKernel, Real
from freqopt.problems._parameters import Parameters
from freqopt.typing import Floats, Integers

Tables = Mapping[str, Any]
"""Table name -> a table: anything that gives rows (n, d) when indexed by integers (n,)."""
Samples = dict[str, NDArray[Any]]
"""Field name -> values; leading axes (S, B) for S steps of B samples, or (B,) for one step."""
Sparse = dict[str, tuple[Integers, Floats]]
"""Table name -> (rows (M,), gradients (M, d)): one entry per occurrence, duplicates allowed."""


class _WhenAsked:
    """A constant that may be given as a function: it is called once, by the first who asks."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, constants: object, owner: type | None = None) -> float | None:
        if constants is None:
            return None  # the default
        value = vars(constants)[self._name]
        if callable(value):
            value = vars(constants)[self._name] = value()
        return value

    def __set__(self, constants: object, value: float | Callable[[], float] | None) -> None:
        vars(constants)[self._name] = value


@dataclass(frozen=True)
class Constants:
    """What a bound asks of a problem; None where the problem has no such constant.

    Attributes
    ----------
    frequency : table -> float64 (N,)
        p_k, the probability that one sample contains row k.
    smoothness : float or None
        L: every sample's loss is L-smooth jointly in its rows (H2 of the theory).
    strong_convexity : float or None
        mu: every sample's loss is mu-strongly convex in its rows.
    deviation : table -> float64 (N,), or None
        sigma_k: supremum over the tables of the conditional standard deviation of row k's gradient,
        given that the sample contains k (H3).
    optimum_value : float or None
        f*, the infimum of the objective. A function may be given instead, for where f* is a sum
        over all pairs that a run without a gap never asks for.
    optimum : table -> float64 (N, d), or None
        A minimiser.
    notes : name -> str
        How each constant was obtained, or why it is missing.
    """

    frequency: dict[str, NDArray[np.float64]]
    smoothness: float | None = None
    strong_convexity: float | None = None
    deviation: dict[str, NDArray[np.float64]] | None = None
    optimum_value: _WhenAsked = _WhenAsked()
    optimum: dict[str, NDArray[np.float64]] | None = None
    notes: dict[str, str] = field(default_factory=dict)


class Problem(Parameters):
    """Base of all problems: parameters are fields, so that a study file can name them."""

    def __init__(self, **parameters: Any) -> None:
        try:
            super().__init__(**parameters)
        except ValidationError as error:
            fields = sorted(type(self).model_fields)
            raise ProblemError(describe(error, f"problem {self.name()}", fields)) from None

    @classmethod
    def name(cls) -> str:
        """The problem's name: that of its file.

        Returns
        -------
        str
        """
        return cls.__module__.rsplit(".", 1)[-1]

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Table name -> (N, d)."""
        raise NotImplementedError

    @property
    def biases(self) -> dict[str, int]:
        """Table name -> leading columns that are no part of an embedding; absent: none.

        Two layers are made of the other columns alone (`freqopt.tables.factorised`).
        """
        return {}

    @property
    def constants(self) -> Constants:
        """The exact constants."""
        raise NotImplementedError

    def start(self, seed: int, run: int, dtype: Any = np.float64) -> dict[str, Floats]:
        """The tables before the first step, from the stream (seed, run, "start").

        Parameters
        ----------
        seed, run : int
            Address of the random numbers, each in [0, 2^64).
        dtype : dtype
            float64 or float32.

        Returns
        -------
        dict of str to array (N, d)
            Table name -> a new array.
        """
        raise NotImplementedError

    def draw(self, seed: int, run: int, steps: Integers, batch: int) -> Samples:
        """Samples of the given steps, fields of shape (len(steps), batch, ...).

        Parameters
        ----------
        seed, run : int
            Address of the random numbers.
        steps : int64 (S,)
            Steps, from 0; each is drawn as if alone.
        batch : int
            B, samples of a step.

        Returns
        -------
        dict of str to array (S, B, ...)
            The fields of a sample, which `gradients` takes without the leading axis.
        """
        raise NotImplementedError

    def losses(self, tables: Tables, samples: Samples) -> NDArray[np.float64]:
        """Loss of each sample of one step, float64 (B,).

        Parameters
        ----------
        tables : mapping of str to array (N, d)
        samples : dict of str to array (B, ...)
            Of one step.

        Returns
        -------
        float64 (B,)
        """
        raise NotImplementedError

    def gradients(self, tables: Tables, samples: Samples) -> Sparse:
        """Gradient of the mean loss over one step's B samples, in the tables' dtype.

        Parameters
        ----------
        tables : mapping of str to array (N, d)
        samples : dict of str to array (B, ...)
            Of one step.

        Returns
        -------
        dict of str to (rows int64 (M,), gradients (M, d))
            One entry for each occurrence of a row, in the order of the samples; duplicates stay
            apart.
        """
        raise NotImplementedError

    def kernel(self, real: Real) -> ProblemKernel:
        """`draw` and `gradients` again, for one entry, from which other backends are read.

        Parameters
        ----------
        real : Real
            The table's dtype as a function: it rounds to float32 or float64.

        Returns
        -------
        ProblemKernel
        """
        raise NotImplementedError("the problem defines no kernel")

    def objective(self, tables: Tables) -> float:
        """f: the exact expectation of the loss, in float64.

        Parameters
        ----------
        tables : mapping of str to array (N, d)

        Returns
        -------
        float
        """
        raise NotImplementedError

    def gradient(self, tables: Tables) -> dict[str, NDArray[np.float64]]:
        """The exact gradient of f, table -> float64 (N, d).

        Parameters
        ----------
        tables : mapping of str to array (N, d)

        Returns
        -------
        dict of str to float64 (N, d)
        """
        raise NotImplementedError

    def baselines(self) -> dict[str, dict[str, float]]:
        """What models without embeddings reach.

        Returns
        -------
        dict of str to dict of str to float
            The model's name -> the same figures as `metrics`.
        """
        return {}

    def metrics(self, tables: Tables) -> dict[str, float]:  # noqa: ARG002 - most have none
        """Further figures of merit, for example test RMSE and AUC on held-out data.

        Parameters
        ----------
        tables : mapping of str to array (N, d)

        Returns
        -------
        dict of str to float
        """
        return {}
