"""Runs as rows of a table that anybody can read: what they are, and what they recorded.

`key`, `trajectory`
    The run's names (`keys.py`).
`made_by`, `recorded`
    JSON, exactly what the names are hashes of: everything that the numbers come from but the run's
    number, and what is recorded.
`provenance`
    JSON: where, when and by what the run was computed.
`seconds`, `diverged_at`
    Wall-clock time that the run took; the step whose gradient was not finite.
`digest`
    Hash of the run's readings.
`run`, `step`, `metric`, `table`, `group`, `token`, `value`, `entry`
    The readings, one number a row; `entry` is the metric as the study names it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from freqopt.errors import ResultError
from freqopt.experiment.trajectory import Columns, as_arrow

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 3
"""Raised when the columns or their meaning change."""
GROUP = 1 << 16
"""Rows that are read together: of a damaged file, the other groups are saved."""
WORDS = ("metric", "table", "group", "entry")
READINGS = ("run", "step", "metric", "table", "group", "token", "value", "entry")
ABOUT = ("key", "trajectory", "made_by", "recorded", "provenance", "digest")


class ForeignError(ResultError):
    """A file that is whole, and not of this format."""


class Stored(NamedTuple):
    """What is known of one run beside its readings.

    Attributes
    ----------
    key, trajectory, made_by, recorded, provenance : str
        See above.
    rows : int
        Number of readings.
    seconds : float
    diverged_at : int or None
    digest : str
    """

    key: str
    trajectory: str
    made_by: str
    recorded: str
    provenance: str
    rows: int
    seconds: float
    diverged_at: int | None
    digest: str


def digest(columns: Columns) -> str:
    """Hash of a run's readings, whatever they are stored in, 32 hexadecimal digits."""
    done = hashlib.sha256()
    for name in READINGS:
        values = columns[name]
        if name in WORDS:
            changes = np.flatnonzero(values[1:] != values[:-1]) + 1
            first = [0, *changes.tolist()] if values.size else []
            done.update(repr((name, first, [str(values[k]) for k in first])).encode())
        else:
            kind = np.float64 if name == "value" else np.int64
            done.update(np.ascontiguousarray(values, kind).tobytes())
    return done.hexdigest()[:32]


def readings(columns: Sequence[Columns]) -> pa.Table:
    """The readings of some runs, below each other."""
    import pyarrow as pa

    return pa.table(
        {name: as_arrow(np.concatenate([one[name] for one in columns])) for name in READINGS}
    )


def concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables below each other."""
    import pyarrow as pa

    return pa.concat_tables(tables)


def with_about(runs: Sequence[Stored], rows: pa.Table) -> pa.Table:
    """The readings of some runs with what is known of each run in every row."""
    import pyarrow as pa

    owner = np.repeat(np.arange(len(runs)), [run.rows for run in runs])
    columns: dict[str, Any] = {
        name: _shared([getattr(run, name) for run in runs], owner) for name in ABOUT
    }
    columns["seconds"] = as_arrow(np.array([run.seconds for run in runs], np.float64)[owner])
    diverged = pa.array([run.diverged_at for run in runs], pa.int64())
    columns["diverged_at"] = diverged.take(pa.array(owner))
    columns |= dict(zip(rows.column_names, rows.columns, strict=True))
    table = pa.table(columns)
    return table.replace_schema_metadata({"freqopt": f'{{"format": {FORMAT}}}'})


def _shared(values: list[str], owner: Any) -> pa.Array:
    """A column of words, one of each run in all its rows."""
    import pyarrow as pa

    words = {word: k for k, word in enumerate(dict.fromkeys(values))}
    codes = np.array([words[word] for word in values], np.int32)[owner]
    return pa.DictionaryArray.from_arrays(as_arrow(codes), pa.array(list(words), pa.string()))


def to_bytes(table: pa.Table) -> bytes:
    """A table as the content of a Parquet file."""
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(
        table,
        buffer,
        compression="zstd",
        write_page_checksum=True,
        row_group_size=GROUP,
        dictionary_pagesize_limit=1 << 30,  # long texts stand there once
    )
    return buffer.getvalue()


def from_bytes(content: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """A table from the content of a Parquet file of this format.

    Raises
    ------
    ForeignError
        It is of another format.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=[*ABOUT, *WORDS])
        about = (file.schema_arrow.metadata or {}).get(b"freqopt", b"")
        if about != b'{"format": %d}' % FORMAT:
            raise ForeignError(
                f"is of another version of freqopt (it says {about.decode(errors='replace')[:40]!r}"
                f", this one writes format {FORMAT}); it is left alone"
            )
        if not has_columns(file.schema_arrow):
            raise ForeignError("has not the columns of results; it was not written by freqopt")
        return file.read(columns=None if columns is None else list(columns))
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, ForeignError):
            raise
        raise ForeignError(f"is no Parquet file with the columns of results ({error})") from None


def has_columns(schema: pa.Schema) -> bool:
    """Whether a file has the columns of results, each of its kind and none twice."""
    import pyarrow as pa

    word, whole, real = pa.dictionary(pa.int32(), pa.string()), pa.int64(), pa.float64()
    kinds = {**dict.fromkeys([*ABOUT, *WORDS], word), "seconds": real, "value": real}
    kinds |= dict.fromkeys(["diverged_at", "run", "step", "token"], whole)
    return dict(zip(schema.names, schema.types, strict=True)) == kinds and len(schema) == len(kinds)


def codes(column: pa.ChunkedArray) -> tuple[Any, list[str]]:
    """A column of words as integers, and the words that they stand for."""
    import pyarrow as pa

    column = column.unify_dictionaries()
    if not column.num_chunks:
        return np.zeros(0, np.int32), []
    codes = np.concatenate(
        [chunk.indices.to_numpy(zero_copy_only=False) for chunk in column.chunks]
    )
    return codes, column.chunk(0).dictionary.cast(pa.string()).to_pylist()


def to_columns(table: pa.Table) -> Columns:
    """The readings of one run as NumPy arrays."""
    columns = {}
    for name in READINGS:
        if name in WORDS:
            of, words = codes(table[name])
            columns[name] = np.array(words)[of] if words else np.zeros(0, "U1")
        else:
            columns[name] = table[name].to_numpy()
    return columns
