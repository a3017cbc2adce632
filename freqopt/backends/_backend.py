"""What every backend is: one method that carries a simulation forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from freqopt.backends._simulation import Simulation
from freqopt.errors import GradientError, Notice
from freqopt.problems import Problem


class FallbackWarning(Notice):
    """A simulation runs in the NumPy loop because the backend does not do it."""


class Backend:
    """Advances simulations. Everything that happens once per step happens inside `advance`.

    Attributes
    ----------
    together : int
        How many runs of a study it wants at once: `simulate` hands so many to one
        `advance_together`, in one process. With 1, processes share the runs.
    ahead : int
        Steps of simulations like the first that are to come in all, as far as is known: for many
        of them it may be worth while to compile something.
    """

    together: ClassVar[int] = 1
    ahead: int = 0

    @classmethod
    def name(cls) -> str:
        """The backend's name: that of its file.

        Returns
        -------
        str
        """
        return cls.__module__.rsplit(".", 1)[-1]

    def advance(self, simulation: Simulation, until: int) -> None:
        """Take steps until `simulation.step == until`.

        Step t (from 0) draws the samples of t, computes every table's gradient from the old
        tables, and applies the rule to all of them. The tables, states, movement and step of
        `simulation` are changed in place.

        Parameters
        ----------
        simulation : Simulation
            Changed in place.
        until : int
            Step to stand at, not before its present one.

        Raises
        ------
        GradientError
            A gradient is not finite. The simulation stands before that step.
        """
        raise NotImplementedError(f"backend {self.name()} defines no advance")

    def advance_together(
        self, simulations: Sequence[Simulation], until: int
    ) -> list[GradientError | None]:
        """`advance` for each of several simulations; the error of those that are refused.

        By default one after the other.

        Parameters
        ----------
        simulations : sequence of Simulation
            Changed in place; they need not stand at the same step.
        until : int
            Step to stand at.

        Returns
        -------
        list of GradientError or None
            One for each simulation, in their order.
        """
        refused: list[GradientError | None] = []
        for simulation in simulations:
            try:
                self.advance(simulation, until)
                refused.append(None)
            except GradientError as error:
                refused.append(error)
        return refused

    def catch_up(self, simulation: Simulation) -> None:
        """`Simulation.catch_up`.

        Parameters
        ----------
        simulation : Simulation
            Changed in place.
        """
        simulation.catch_up()

    def objective(self, problem: Problem, tables: Mapping[str, Any]) -> float:
        """`Problem.objective`, bit for bit.

        Parameters
        ----------
        problem : Problem
        tables : mapping of str to table (N, d)
            Left as they are.

        Returns
        -------
        float
        """
        return problem.objective(tables)
