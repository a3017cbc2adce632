"""Runs in a damaged file that are as they were written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from freqopt.experiment.store.keys import names_of
from freqopt.experiment.store.rows import ABOUT, FORMAT, WORDS, digest, has_columns, to_columns
from freqopt.experiment.store.segments import runs_of

if TYPE_CHECKING:
    import pyarrow as pa


def rescued(path: Path) -> pa.Table | None:
    """The rows of those runs of a file whose names and readings are what their hashes say.

    A run is believed if its key is the hash of what it says it was made by, and its digest that of
    its readings. None if there is no such run, or the file's end, where its parts are listed, is
    lost.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    groups = []
    try:
        file = pq.ParquetFile(
            io.BytesIO(path.read_bytes()),
            read_dictionary=[*ABOUT, *WORDS],
            page_checksum_verification=True,
        )
    except (OSError, ValueError, KeyError, TypeError, MemoryError, pa.ArrowException):
        return None
    for k in range(file.num_row_groups):
        try:
            group = file.read_row_group(k)
            if has_columns(group.schema):  # names and kinds stand in what may be damaged, too
                groups.append(group)
        except (OSError, ValueError, KeyError, TypeError, MemoryError, pa.ArrowException):
            continue
    whole = [run for group in groups for run in _whole(group)]
    if not whole:
        return None
    table = pa.concat_tables(whole).unify_dictionaries().combine_chunks()
    return table.replace_schema_metadata({"freqopt": f'{{"format": {FORMAT}}}'})


def _whole(group: pa.Table) -> list[pa.Table]:
    """The runs of a group of rows that are whole."""
    found = []
    try:
        _, _, first, rows = runs_of(group)
        for start, size in zip(first.tolist(), rows.tolist(), strict=True):
            run = group.slice(start, size)
            about = run.select(list(ABOUT)).slice(0, 1).to_pylist()[0]
            columns = to_columns(run)
            named = names_of(about["made_by"], int(columns["run"][0]), about["recorded"])
            if named == (about["key"], about["trajectory"]) and digest(columns) == about["digest"]:
                found.append(run)
    except Exception:  # of what is damaged, anything may be wrong
        return found
    return found
