"""A table of results as one file for any program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from freqopt._files import is_folder
from freqopt.errors import ResultError
from freqopt.experiment.store import durable

if TYPE_CHECKING:
    import pyarrow as pa

FORMS = (".parquet", ".csv", ".arrow")


def check(to: Path) -> None:
    """Raise ResultError if a file's name ends in no known form, or no file can be there."""
    if to.suffix not in FORMS:
        raise ResultError(f"{to} names no form; give a file that ends in {', '.join(FORMS)}")
    if is_folder(to):
        raise ResultError(f"{to} is a folder; give the name of a file")
    if not is_folder(to.parent):
        raise ResultError(f"{to.parent} is no folder; make it, or choose another")


def write(rows: pa.Table, to: Path) -> None:
    """Write a table; the form is what the file's name ends in.

    Raises
    ------
    ResultError
        It ends in nothing known, or cannot be written.
    """
    import pyarrow as pa
    from pyarrow import csv, ipc, parquet

    check(to)
    buffer = pa.BufferOutputStream()
    if to.suffix == ".parquet":
        parquet.write_table(rows, buffer, compression="zstd")
    elif to.suffix == ".csv":
        csv.write_csv(rows, buffer)
    else:
        with ipc.new_file(buffer, rows.schema) as file:
            file.write_table(rows)
    durable.write(to, buffer.getvalue().to_pybytes())
