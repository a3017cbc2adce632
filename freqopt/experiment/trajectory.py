"""What a run recorded: tidy rows, and the tables and states it ended with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from freqopt.backends import Simulation, Table
from freqopt.errors import ResultError
from freqopt.experiment.metrics import Reading
from freqopt.experiment.sketch import sketch
from freqopt.optimizers import State

if TYPE_CHECKING:
    import pyarrow as pa

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, repr=False)
class Trajectory:
    """One run.

    Attributes
    ----------
    columns : dict of str to array, all of one length
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
    entries : str (n,), or None
        Of each row, the metric as `record` names it.
    """

    columns: Columns
    simulation: Simulation
    diverged_at: int | None = None
    entries: NDArray[np.str_] | None = None

    def __repr__(self) -> str:
        """One line: what was run, how far, and what is recorded."""
        ran, metrics = self.simulation, ", ".join(np.unique(self.columns["metric"]))
        ended = "" if self.diverged_at is None else f", diverged at step {self.diverged_at}"
        return (
            f"<Trajectory of {ran.rule.name()} on {ran.problem.name()}: {ran.step} steps, seed "
            f"{ran.seed}, run {ran.run}{ended}; recorded: {metrics}>"
        )

    def _repr_html_(self) -> str:
        """The same for a notebook, with the first recorded curve that is of the whole."""
        c = self.columns
        whole = (c["table"] == "all") & (c["group"] == "all") & (c["token"] == -1)
        told = f"<code>{escape(repr(self))}</code>"
        if not whole.any():
            return told
        name = str(c["metric"][whole][0])
        return f"{told}<br>{escape(name)}<br>{sketch(*map(list, self.curve(name)))}"

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

        Parameters
        ----------
        metric : str
            As recorded, such as "gap".
        table, group : str
            "all" for what is not of one table or group.
        token : int
            -1 for what is not of one token.

        Returns
        -------
        steps : int64 (n,)
        values : float64 (n,)

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
        """The columns as a pyarrow Table; its `to_pandas()` is a DataFrame.

        Returns
        -------
        pyarrow.Table
        """
        import pyarrow as pa

        return pa.table({name: as_arrow(values) for name, values in self.columns.items()})


def as_arrow(values: NDArray[Any]) -> pa.Array:
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
        return pa.DictionaryArray.from_arrays(as_arrow(codes.astype(np.int32)), dictionary)
    kind, numbers = pa.from_numpy_dtype(values.dtype), np.ascontiguousarray(values)
    return pa.Array.from_buffers(kind, values.size, [None, pa.py_buffer(numbers)])


class Recorder:
    """Collects readings by the step and the metric that they are of, in whatever order.

    Parameters
    ----------
    run : int
        The run's number.
    """

    def __init__(self, run: int) -> None:
        self.run = run
        self.blocks: dict[tuple[int, str], list[Reading]] = {}

    def add(self, step: int, entry: str, readings: Iterable[Reading]) -> None:
        """What a metric, as the study names it, read at one step."""
        self.blocks[step, entry] = list(readings)

    def take_over(self, columns: Columns, covered: Iterable[tuple[int, str]]) -> None:
        """Readings of an earlier recording of the same run.

        Parameters
        ----------
        columns : as `columns` gives them, with `entry`
        covered : pairs of step and entry
            What is taken; where there are no rows of a pair, nothing was to be read there.
        """
        kept: dict[tuple[int, str], list[Reading]] = {pair: [] for pair in covered}
        names = ("step", "entry", "metric", "table", "group")
        changes = np.zeros(columns["step"].size, np.bool_)
        for name in names:
            changes[1:] |= columns[name][1:] != columns[name][:-1]
        for rows in np.split(np.arange(changes.size), np.flatnonzero(changes)):
            if rows.size:
                step, *words = (columns[name][rows[0]] for name in names)
                entry, metric, table, group = map(str, words)
                reading = Reading(
                    metric, columns["value"][rows], table, group, columns["token"][rows]
                )
                if (int(step), entry) in kept:
                    kept[int(step), entry].append(reading)
        self.blocks |= kept

    def columns(self, steps: Sequence[int], entries: Sequence[str]) -> Columns:
        """Everything, by step and then in the order of the entries; `entry` says of which."""
        order = [
            (step, entry, reading)
            for step in steps
            for entry in entries
            for reading in self.blocks.get((step, entry), ())
        ]
        if not order:
            return {name: np.zeros(0, kind) for name, kind in _KINDS.items()}
        values = [np.atleast_1d(np.asarray(reading.value, np.float64)) for _, _, reading in order]
        sizes = np.array([value.size for value in values])
        tokens = [
            _NO_TOKEN if reading.token is None else np.asarray(reading.token, np.int64)
            for _, _, reading in order
        ]
        words = zip(*((entry, r.metric, r.table, r.group) for _, entry, r in order), strict=True)
        entry, metric, table, group = (np.repeat(np.array(column), sizes) for column in words)
        return {
            "run": np.full(entry.size, self.run, np.int64),
            "step": np.repeat(np.array([step for step, _, _ in order], np.int64), sizes),
            "metric": metric,
            "table": table,
            "group": group,
            "token": np.concatenate(tokens),
            "value": np.concatenate(values),
            "entry": entry,
        }


_NO_TOKEN = np.full(1, -1, np.int64)
_KINDS: dict[str, Any] = {
    "run": np.int64, "step": np.int64, "metric": "U1", "table": "U1", "group": "U1",
    "token": np.int64, "value": np.float64, "entry": "U1",
}  # fmt: skip
