"""What a run recorded: tidy rows, and the tables and states it ended with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from freqopt.backends import Simulation, Table
from freqopt.errors import ResultError
from freqopt.experiment.metrics import Reading
from freqopt.optimizers import State

if TYPE_CHECKING:
    import pyarrow as pa

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Trajectory:
    """One run.

    Attributes
    ----------
    columns : name -> array, all of one length
        `run` and `step` (int64), `metric`, `table`, `group` (str), `token` (int64), `value`
        (float64): one row per number. `table` and `group` are "all", and `token` is -1, where the
        number is not of one table, group or token.
    simulation : Simulation
        As it ended. Its `tables` and `states` are those after the last step, a lazy rule's rows
        brought up to it; its `rule` has horizon, batch and smoothness filled in.
    diverged_at : int or None
        The step whose gradient was not finite. The tables are those before it. At the checkpoints
        after it `value` is inf for what is minimised, NaN for the problem's own figures of merit,
        and the rest is not recorded.
    """

    columns: Columns
    simulation: Simulation
    diverged_at: int | None = None

    @property
    def tables(self) -> dict[str, Table]:
        """The final tables; `numpy.asarray` reads one."""
        return self.simulation.tables

    @property
    def states(self) -> dict[str, State]:
        """The final states."""
        return self.simulation.states

    def curve(
        self, metric: str, table: str = "all", group: str = "all", token: int = -1
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Steps and values of one recorded quantity.

        Raises
        ------
        ResultError
            Nothing of the kind was recorded.
        """
        c = self.columns
        rows = (c["metric"] == metric) & (c["table"] == table)
        rows &= (c["group"] == group) & (c["token"] == token)
        if not rows.any():
            raise ResultError(
                f"nothing was recorded for metric {metric!r}, table {table!r}, group {group!r}, "
                f"token {token}; recorded metrics: {', '.join(np.unique(c['metric']))}"
            )
        return c["step"][rows], c["value"][rows]

    def to_arrow(self) -> pa.Table:
        """The columns as a pyarrow Table; its `to_pandas()` is a DataFrame."""
        import pyarrow as pa

        return pa.table({name: _arrow(values) for name, values in self.columns.items()})


def _arrow(values: NDArray[Any]) -> pa.Array:
    """A column as pyarrow's, words as a dictionary.

    `pyarrow.array` would import pandas wherever it is installed: a fifth of a second.
    """
    import pyarrow as pa

    if values.dtype.kind == "U":
        changes = np.ones(values.size, np.bool_)  # readings come in blocks, so few are looked at
        np.not_equal(values[1:], values[:-1], out=changes[1:])
        first = np.flatnonzero(changes)
        words, kinds = np.unique(values[first], return_inverse=True)
        codes = np.repeat(kinds, np.diff(first, append=values.size))
        texts = [word.encode() for word in words.tolist()]
        ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
        buffers = pa.py_buffer(ends), pa.py_buffer(b"".join(texts))
        dictionary = pa.StringArray.from_buffers(len(texts), *buffers)
        return pa.DictionaryArray.from_arrays(_arrow(codes.astype(np.int32)), dictionary)
    kind, numbers = pa.from_numpy_dtype(values.dtype), np.ascontiguousarray(values)
    return pa.Array.from_buffers(kind, values.size, [None, pa.py_buffer(numbers)])


@dataclass
class Recorder:
    """Collects readings into columns."""

    run: int
    blocks: list[Columns] = field(default_factory=list)

    def add(self, step: int, readings: Iterable[Reading]) -> None:
        """Append what was read at one step."""
        for reading in readings:
            value = np.atleast_1d(np.asarray(reading.value, np.float64))
            token = np.full(1, -1) if reading.token is None else reading.token
            size = value.size
            self.blocks.append(
                {
                    "run": np.full(size, self.run, np.int64),
                    "step": np.full(size, step, np.int64),
                    "metric": np.full(size, reading.metric),
                    "table": np.full(size, reading.table),
                    "group": np.full(size, reading.group),
                    "token": token.astype(np.int64),
                    "value": value,
                }
            )

    def columns(self) -> Columns:
        """Everything so far, in the order it was added."""
        if not self.blocks:
            raise ResultError("nothing was recorded; name at least one metric")
        return {
            name: np.concatenate([block[name] for block in self.blocks]) for name in self.blocks[0]
        }
