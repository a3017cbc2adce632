"""Stored results: one Parquet file per run, named by everything that made it.

The key of a run is the SHA-256 of its complete configuration, the backend, and the source code that
computes (floors 0 to 5), with every file that the configuration names. Equal key, equal content: a
stored run is never computed again, and a change of anything that matters finds no old result.

A file holds tidy rows (`Trajectory.columns`) and, under the metadata key "freqopt", JSON: schema
version, configuration, study, label, axes, backend, code hash, divergence, versions. It is written
under another name and renamed, so that it is whole or absent; and it is sealed (`seal.py`), so that
it is read as it was written or not at all.
"""

from __future__ import annotations

import io
import json
import os
import platform
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from freqopt._fields import is_whole
from freqopt._files import is_file, is_folder, read
from freqopt._version import __version__
from freqopt.backends import DEFAULT
from freqopt.errors import ResultError
from freqopt.experiment.grid import Point, expand
from freqopt.experiment.seal import is_intact, sealed
from freqopt.experiment.store.code import code_hash
from freqopt.experiment.store.keys import Keys
from freqopt.experiment.study import Study
from freqopt.experiment.trajectory import Trajectory

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 2
"""Raised when the columns, the metadata or the file's form change."""


@dataclass(frozen=True)
class Store:
    """A folder of results.

    Parameters
    ----------
    folder : Path
    backend : str
        Name of the backend whose results are written and found.
    """

    folder: Path
    backend: str = DEFAULT

    def prepare(self) -> None:
        """Make the folder and try to write in it, before any work is done.

        Raises
        ------
        ResultError
        """
        trial = self.folder / f".trial.{os.getpid()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            trial.write_bytes(b"")
            trial.unlink()
        except OSError as error:
            raise ResultError(
                f"results cannot be written to {self.folder} ({error.strerror}); free the path or "
                "choose another folder with --results"
            ) from None

    @cached_property
    def keys(self) -> Keys:
        """What names the runs."""
        return Keys(self.backend)

    def path(self, key: str) -> Path:
        """Where the run with this key is stored."""
        return self.folder / f"{key}.parquet"

    def put(self, key: str, content: bytes) -> None:
        """Store a file's content: under another name, then renamed."""
        partial = self.folder / f".{key}.{os.getpid()}.partial"
        try:
            partial.write_bytes(content)
            partial.replace(self.path(key))
        except (OSError, MemoryError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not enough memory"
            raise ResultError(
                f"a result cannot be written to {self.folder} ({reason}); "
                "make room and run again, finished runs are kept"
            ) from None
        finally:
            partial.unlink(missing_ok=True)  # there only if something went wrong

    def read(self, key: str) -> pa.Table:
        """A stored run, its seal verified.

        Raises
        ------
        ResultError
            The file is damaged or belongs to another key.
        """
        table = _read(self.path(key))
        if metadata(table)["key"] != key:
            raise ResultError(f"{self.path(key)} holds another run; delete it and simulate again")
        return table


def encode(point: Point, key: str, study: Study, backend: str, trajectory: Trajectory) -> bytes:
    """The content of a run's file."""
    import pyarrow.parquet as pq

    about = {
        "schema_version": SCHEMA_VERSION,
        "key": key,
        "study": study.identity(),
        "label": point.label,
        "axes": point.axes,
        "configuration": point.configuration,
        "backend": backend,
        "code": code_hash(backend),
        "diverged_at": trajectory.diverged_at,
        "versions": versions(),
    }
    table = trajectory.to_arrow().replace_schema_metadata({"freqopt": json.dumps(about)})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    return sealed(buffer.getvalue())


def load(
    what: Study | str | Path,
    *,
    results: str | Path = "results",
    backend: str = DEFAULT,
    quick: bool = False,
) -> pa.Table:
    """Stored runs as one table.

    Parameters
    ----------
    what : Study, or path of a study file, or path of a folder of results
    results : folder of the study's results
    backend, quick
        As the study was simulated.

    Returns
    -------
    pyarrow.Table
        `rule` (the label), one column per axis of the grid by its dotted path (`rule.lr`,
        `problem.tokens.exponent`, `batch`, ...; null where a rule has no such option),
        `diverged_at` (null for runs that did not), then the columns of `Trajectory`. A folder's
        runs also have `study` and `code`, since it may hold several of each.

    Raises
    ------
    ResultError
        Runs are missing or damaged.
    """
    if isinstance(what, str | Path) and what and is_folder(what):
        tables = [_read(path) for path in sorted(Path(what).glob("*.parquet"))]
        if not tables:
            raise ResultError(f"the folder {what} holds no results; simulate a study into it")
        about = [metadata(table) for table in tables]
        paths = sorted({path for one in about for path in one["axes"]})
        columns: dict[str, list[Any]] = {
            "study": [one["study"]["name"] for one in about],
            "code": [one["code"] for one in about],
            "rule": [one["label"] for one in about],
            **{path: [one["axes"].get(path) for one in about] for path in paths},
        }
        return _joined(tables, columns)
    study = what if isinstance(what, Study) else Study.read(what, quick=quick)
    store, points = Store(Path(results), backend), expand(study)
    keys = [store.keys.key(point) for point in points]
    missing = sum(not is_file(store.path(key)) for key in keys)
    if missing:
        raise ResultError(
            f"{missing} of the {len(keys)} runs of {study.source} are not in {results}; simulate "
            f"it first: freqopt simulate {'--quick ' if quick else ''}{study.source} --results "
            f"{results}. A change of the library's code makes earlier runs stale"
        )
    columns = {"rule": [point.label for point in points]}
    columns |= {path: [point.axes[path] for point in points] for path in points[0].axes}
    return _joined([store.read(key) for key in keys], columns)


def metadata(table: pa.Table) -> dict[str, Any]:
    """What a run's file says about itself."""
    return dict(json.loads((table.schema.metadata or {})[b"freqopt"]))


def versions() -> dict[str, str]:
    """Of everything whose change might be asked about later."""
    return {
        "freqopt": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": f"{sys.platform} {platform.machine()}",
    }


def _read(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = read(path)
    except OSError as error:
        raise ResultError(
            f"the result {path} cannot be read ({error.strerror}); check its permissions"
        ) from None
    if not is_intact(content):
        raise ResultError(
            f"the result {path} is damaged, or not one of this version: its SHA-256 is not the one "
            "written in it; simulate its study again, which replaces it"
        )
    try:
        table = pq.read_table(pa.BufferReader(content))
        ours = _is_ours(table)
    except (ValueError, TypeError, LookupError, AttributeError, OSError, RuntimeError):
        ours = False  # any of Arrow's errors, or JSON's: a seal is no proof of who made it
    if not ours:
        raise ResultError(f"the result {path} was not written by freqopt, though sealed; delete it")
    return table


def _is_ours(table: pa.Table) -> bool:
    """Whether a file has the columns of a run, and what is read of its metadata is of its kind."""
    import pyarrow as pa

    words = pa.dictionary(pa.int32(), pa.string())
    kinds = {"run": pa.int64(), "step": pa.int64(), "metric": words, "table": words}
    kinds |= {"group": words, "token": pa.int64(), "value": pa.float64()}
    about = metadata(table)
    diverged = about["diverged_at"]
    texts = (about["key"], about["label"], about["code"], about["study"]["name"])
    return (
        dict(zip(table.column_names, table.schema.types, strict=True)) == kinds
        and all(isinstance(text, str) for text in texts)
        and all(not is_whole(value) or abs(value) < 2**63 for value in about["axes"].values())
        and (diverged is None or (is_whole(diverged) and 0 <= diverged < 2**63))
    )


def _joined(tables: list[pa.Table], columns: dict[str, list[Any]]) -> pa.Table:
    """The runs' rows below each other, each with its run's values in the given columns."""
    import pyarrow as pa

    owner = np.repeat(np.arange(len(tables)), [table.num_rows for table in tables])
    diverged = [metadata(table)["diverged_at"] for table in tables]
    rows = pa.concat_tables([table.replace_schema_metadata() for table in tables])
    front = {name: _array(values).take(pa.array(owner)) for name, values in columns.items()}
    front["diverged_at"] = pa.array(diverged, pa.int64()).take(pa.array(owner))
    return pa.table({**front, **dict(zip(rows.column_names, rows.columns, strict=True))})


def _array(values: list[Any]) -> pa.Array:
    """Numbers as numbers; anything else as text."""
    import pyarrow as pa

    if any(isinstance(value, dict | list | str | bool) for value in values):
        texts = [v if isinstance(v, str) or v is None else json.dumps(v) for v in values]
        return pa.array(texts, pa.string()).dictionary_encode()
    return pa.array(values, pa.float64() if any(isinstance(v, float) for v in values) else None)
