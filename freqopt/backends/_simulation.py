"""A simulation: a problem, a rule, and everything that changes while the rule works on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from freqopt._fields import Fields
from freqopt.backends._memory import of_this_machine, require
from freqopt.backends._movement import Movement
from freqopt.errors import BackendError, describe
from freqopt.optimizers import Rule, State
from freqopt.problems import Problem
from freqopt.streams import Stream
from freqopt.tables import FactorisedTable, PlainTable
from freqopt.tables.factorised import Initial, Trained
from freqopt.typing import Floats

Table = PlainTable | FactorisedTable


class Factorised(Fields):
    """Embeddings kept as W1 W2 (MLET), started afresh instead of as the problem would.

    Columns that are biases stay as they are, and so do tables without other columns.
    """

    inner: Annotated[int, Field(gt=0)] = Field(description="k, the inner dimension.")
    initial: Initial = Field("dlrm", description="Initial values of W2.")
    trained: Trained | Literal["collapsed"] = Field(
        "both",
        description="Layers that steps move; or none: a plain table that starts as W1 W2 does.",
    )
    tables: tuple[str, ...] = Field(
        (), description="Names of the tables; absent: all that hold embeddings."
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise BackendError(describe(error, "factorised", type(self).model_fields)) from None

    def check(self, problem: Problem) -> None:
        """Raise BackendError if the problem's tables cannot be kept so.

        Parameters
        ----------
        problem : Problem

        Raises
        ------
        BackendError
            A name that is no table of the problem, or of a table of biases; no table with
            embeddings; orthonormal factors with inner below the embeddings' width.
        """
        unknown = sorted(set(self.tables) - set(problem.shapes))
        if unknown:
            raise BackendError(
                f"problem {problem.name()} has no table {unknown[0]!r} to factorise; "
                f"its tables: {', '.join(problem.shapes)}"
            )
        if not self.of(problem):
            raise BackendError(
                f"problem {problem.name()} has biases only, and no embeddings to keep as two "
                "layers; leave `factorised` out"
            )
        for name in self.of(problem):
            width = problem.shapes[name][1] - problem.biases.get(name, 0)
            if width < 1:
                raise BackendError(
                    f"table {name!r} of problem {problem.name()} holds biases and no embeddings; "
                    f"its tables with embeddings: {', '.join(Factorised(inner=1).of(problem))}"
                )
            if self.initial == "orthonormal" and self.inner < width:
                raise BackendError(
                    f"initial = 'orthonormal' with inner = {self.inner} for table {name!r} of "
                    f"width {width}; raise inner to {width}, or choose initial = 'xavier'"
                )

    def of(self, problem: Problem) -> tuple[str, ...]:
        """The tables of a problem that are kept so.

        Parameters
        ----------
        problem : Problem

        Returns
        -------
        tuple of str
        """
        if self.tables:
            return self.tables
        biases = problem.biases
        return tuple(
            name for name, (_, width) in problem.shapes.items() if width > biases.get(name, 0)
        )


@dataclass
class Simulation:
    """One run in progress. Plain arrays inside, so that every backend can take it up.

    Attributes
    ----------
    problem, rule
        What is minimised, and by what. The rule is complete: no field is left to the run.
    tables : name -> table
        What the problem reads.
    states : parameter -> state
        The rule's state beside each array of `parameters`.
    seed, run : int
        With the step, the address of every random number.
    batch : int
        Samples per step.
    step : int
        Steps taken.
    movement : name -> Movement, or None
        Kept up by `Backend.advance` where present.
    """

    problem: Problem
    rule: Rule
    tables: dict[str, Table]
    states: dict[str, State]
    seed: int
    run: int
    batch: int
    step: int = 0
    movement: dict[str, Movement] | None = None

    @classmethod
    def begin(
        cls,
        problem: Problem,
        rule: Rule,
        *,
        steps: int,
        batch: int = 1,
        seed: int = 0,
        run: int = 0,
        dtype: str = "float64",
        factorised: Factorised | None = None,
        track_movement: bool = False,
    ) -> Self:
        """A simulation before its first step.

        What the rule left to the run is filled in: horizon, batch, seed, run, the problem's
        smoothness, and given slots such as the frequencies.

        Parameters
        ----------
        problem : Problem
        rule : Rule
        steps : int
            Batches of the run: the horizon of a rule that has none of its own.
        batch : int
            Samples per step.
        seed, run : int
            Address of the random numbers.
        dtype : {"float64", "float32"}
            Of the tables.
        factorised : Factorised, optional
            Tables kept as two layers; by default all are plain.
        track_movement : bool
            Whether `movement` is kept up.

        Returns
        -------
        Simulation

        Raises
        ------
        FreqoptError
            The rule and the problem do not go together, or there is not enough memory.
        """
        rule = _complete(rule, problem, steps=steps, batch=batch, seed=seed, run=run)
        require(problem, rule, batch, of_this_machine())
        tables = _tables(problem, seed, run, dtype, factorised)
        states = {}
        for name, table in tables.items():
            frequency = table.spread(problem.constants.frequency[name])
            for suffix, array in table.parameters.items():
                states[name + suffix] = _state(rule, array, frequency=frequency[suffix])
        movement = {name: Movement(rows) for name, (rows, _) in problem.shapes.items()}
        return cls(
            problem, rule, tables, states, seed, run, batch,
            movement=movement if track_movement else None,
        )  # fmt: skip

    @staticmethod
    def check(problem: Problem, rule: Rule, *, steps: int, batch: int) -> None:
        """Raise what `begin` would, without making the tables.

        Parameters
        ----------
        problem : Problem
        rule : Rule
        steps : int
        batch : int

        Raises
        ------
        BackendError
            The problem cannot be run with this rule or batch.
        """
        completed = _complete(rule, problem, steps=steps, batch=batch, seed=0, run=0)
        require(problem, completed, batch)
        for frequency in problem.constants.frequency.values():
            _state(completed, np.zeros((frequency.size, 1)), frequency=frequency)

    @property
    def parameters(self) -> dict[str, Floats]:
        """The arrays that the rule moves: table name and layer -> array."""
        return {
            name + suffix: array
            for name, table in self.tables.items()
            for suffix, array in table.parameters.items()
        }

    @property
    def lazy(self) -> bool:
        """Whether the rule leaves rows behind, which `catch_up` brings up to the present step."""
        slots = (slot.name for slot in self.rule.all_slots())
        return type(self.rule).catch_up is not Rule.catch_up or "decayed_at" in slots

    def catch_up(self) -> None:
        """Bring rows that a lazy rule has left behind up to the present step."""
        for name, array in self.parameters.items():
            self.rule.catch_up(array, self.states[name])


def _tables(
    problem: Problem, seed: int, run: int, dtype: str, factorised: Factorised | None
) -> dict[str, Table]:
    tables: dict[str, Table] = {
        name: PlainTable(values)
        for name, values in problem.start(seed, run, np.dtype(dtype)).items()
    }
    if factorised is None:
        return tables
    factorised.check(problem)
    for name in factorised.of(problem):
        (size, width), biases = problem.shapes[name], problem.biases.get(name, 0)
        layers = FactorisedTable.start(
            (size, width - biases),
            factorised.inner,
            stream=Stream(seed, run, f"factorised {name}"),
            initial=factorised.initial,
            trained="both" if factorised.trained == "collapsed" else factorised.trained,
            dtype=np.dtype(dtype),
            beside=np.asarray(tables[name])[:, :biases].copy(),
        )
        collapsed = factorised.trained == "collapsed"
        tables[name] = PlainTable(layers.collapse()) if collapsed else layers
    return tables


def _complete(rule: Rule, problem: Problem, *, steps: int, batch: int, seed: int, run: int) -> Rule:
    """The rule with what was left to the run filled in."""
    smoothness = problem.constants.smoothness
    return rule.completed(horizon=steps, batch=batch, smoothness=smoothness, seed=seed, run=run)


def _state(rule: Rule, array: Floats, **known: NDArray[Any]) -> State:
    """The rule's state beside an array, told of what is known about its rows if it asks."""
    wanted = [slot.name for slot in rule.all_slots() if slot.given]
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise BackendError(
            f"rule {rule.name()} asks for {', '.join(unknown)} beforehand, and a run knows only "
            f"{', '.join(known)}; step it by hand with rule.init(table, {unknown[0]}=...)"
        )
    return rule.init(array, **{name: known[name] for name in wanted})
