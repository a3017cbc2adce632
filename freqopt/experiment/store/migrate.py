"""Takes over results of the form before this one: one sealed Parquet file a run, `KEY.parquet`."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from freqopt.errors import ResultError
from freqopt.experiment.store import durable, members
from freqopt.experiment.store.database import Database
from freqopt.experiment.store.keys import RECORDED, names_of
from freqopt.experiment.store.members import Member
from freqopt.experiment.store.rows import Stored, digest, readings
from freqopt.experiment.store.segments import SUFFIX
from freqopt.experiment.trajectory import Columns

_FORMAT = 2
_OF = {"conditional_gradient_norm": "gradient_norm", "visits": "effective_rate"}
"""Metrics that were stored under another name than the study's."""
_DIGEST = 32


def migrate(folder: Path) -> tuple[int, list[str]]:
    """Take over the old files of a folder; each is deleted once its run is stored anew.

    Their keys are of the code of then: no study finds them, `load(FOLDER)` does.

    Returns
    -------
    int
        Runs taken over.
    list of str
        A sentence for each file that was not, and was left.
    """
    database = Database(folder)
    database.prepare()
    left: list[str] = []
    done: list[Path] = []
    of_study: dict[tuple[str, str, str, str], list[Member]] = {}
    for path in durable.files(folder, SUFFIX, whole=True):
        try:
            about, columns = _read(path)
            stored = _stored(about, columns)
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            left.append(f"{path} {error}")
            continue
        database.put([stored], readings([columns]))
        done.append(path)
        study = about["study"]
        form = (study["name"], study.get("title", ""), about["backend"], about["code"])
        of_study.setdefault(form, []).append(Member(stored.key, about["label"], about["axes"]))
    database.flush()
    database.merge()
    for (name, title, backend, code), belong in of_study.items():
        computing = {"backend": backend, "code": code}
        members.finish(members.write(folder, name, title, computing, belong))
    for path in done:
        durable.remove(path)
    return len(done), left


def _read(path: Path) -> tuple[dict[str, Any], Columns]:
    """What an old file says of its run, and its readings."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = path.read_bytes()
        start = max(0, len(content) - 8 - int.from_bytes(content[-8:-4], "little"))
        before, footer = content[:start], content[start:]
        sealed = hashlib.sha256(before[:-_DIGEST] + footer).digest()
        if before[-_DIGEST:] != sealed:
            raise ResultError("is damaged: its SHA-256 is not the one written in it")
        table = pq.read_table(pa.BufferReader(content))
        about = dict(json.loads(table.schema.metadata[b"freqopt"]))
    except (OSError, pa.ArrowException) as error:
        raise ResultError(f"cannot be read ({error})") from None
    if about["schema_version"] != _FORMAT:
        raise ResultError(f"is of the form {about['schema_version']}, and not of {_FORMAT}")
    columns = {name: np.asarray(table[name].to_pylist()) for name in table.column_names}
    for name in ("run", "step", "token"):
        columns[name] = columns[name].astype(np.int64)
    record = [Path(name).name for name in about["configuration"]["record"]]
    entries = [_entry(metric, record) for metric in columns["metric"].tolist()]
    return about, {**columns, "value": columns["value"].astype(float), "entry": np.array(entries)}


def _entry(metric: str, record: list[str]) -> str:
    """The metric of a study that a reading is of."""
    name = _OF.get(metric, metric)
    if name in record:
        return name
    own = [one for one in record if one.endswith(".py")]
    return "problem" if "problem" in record else own[0] if own else name


def _stored(about: dict[str, Any], columns: Columns) -> Stored:
    settings = about["configuration"]
    happens = {k: v for k, v in settings.items() if k not in (*RECORDED, "run")}
    made_by = json.dumps(
        {
            "backend": about["backend"],
            "code": about["code"],
            "versions": {"numpy": about["versions"]["numpy"]},
            "files": {"key in the earlier form": about["key"]},
            "configuration": happens | {"steps": settings["steps"]},
        }
    )
    recorded = json.dumps({name: settings[name] for name in RECORDED})
    key, trajectory = names_of(made_by, settings["run"], recorded)
    provenance = json.dumps({"taken over from": about["key"], "versions": about["versions"]})
    size = columns["step"].size
    return Stored(
        key, trajectory, made_by, recorded, provenance, size, math.nan, about["diverged_at"],
        digest(columns),
    )  # fmt: skip
