"""Cases, and the answers to them, as files that any language reads and that keep every bit.

A folder of them (format "freqopt vectors", version 1) holds

    manifest.json       what there is: {"format", "version", "made_by", "cases": [one entry a case],
                        "sha256": of the rest}
    inputs/NAME.json    one case, or
    inputs/NAME.npz     the same arrays for NumPy
    outputs/            answers go here, one file a case, in either form

An entry of the manifest describes one case:

    input, sha256       its file, and the SHA-256 of that file
    output              where its answer goes, without the suffix
    name                dialect, numbers, exercise: people read it
    rule, dtype         "adam", or the path of a user's own rule; "float32" or "float64"
    rows, columns, steps
    options             every option of the rule
    changed             names of the options that are off their default
    given               names of state slots that the case hands in ("frequency")

A case's arrays, with N rows, d columns, S steps and B occurrences in all steps together:

    table     (N, d)    before the first step
    offsets   (S + 1)   step t = 1..S has the occurrences offsets[t-1] <= i < offsets[t], maybe none
    rows      (B)       row of each occurrence, from 0
    grads     (B, d)    gradient of each occurrence
    given.*             one array for each name in `given`
    tables    (S, N, d) the answer: the table after each step

A JSON case is one object: the entry of the manifest without input, sha256 and output, and the
arrays as nested lists. An answer has `tables` alone, a case all others. Floats in JSON
are strings in C99 hexadecimal ("0x1.8p-3" is 0.1875; also "inf" and "nan"), which printf("%a")
writes and strtod reads without rounding. In an answer they may also be numbers, if they have enough
digits.

Instead of an answer there may be a text file outputs/NAME.txt: the case is not supported, and the
text says why.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from freqopt._version import __version__
from freqopt.crosscheck.cases.dialects import Case
from freqopt.crosscheck.cases.exercises import Exercise
from freqopt.crosscheck.exchange.encoding import (
    Arrays,
    as_json,
    as_npz,
    from_text,
    listed,
    load,
    to_text,
)
from freqopt.errors import CrosscheckError
from freqopt.optimizers import Rule, rules

Floats = NDArray[np.floating]
Form = Literal["json", "npz"]

FORMAT, VERSION = "freqopt vectors", 1
BYTES_PER_NUMBER = 64
"""No sane text needs more for one number; larger answers are refused unread."""


@dataclass(frozen=True)
class Entry:
    """One case of a folder.

    Attributes
    ----------
    case : Case
    output : Path
        Where the answer goes, without the suffix.
    """

    case: Case
    output: Path


def write_folder(folder: Path, cases: Iterable[Case], form: Form = "json") -> int:
    """Write the inputs of cases to a new folder; how many.

    Raises
    ------
    CrosscheckError
        The folder has something in it, or cannot be made.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CrosscheckError(f"{folder} exists and is not an empty folder; give a new one")
    try:
        (folder / "inputs").mkdir(parents=True)
        (folder / "outputs").mkdir()
    except OSError as error:
        raise CrosscheckError(f"{folder} cannot be made: {error.strerror}; give another") from None
    entries: list[dict[str, Any]] = []
    for case in cases:
        stem = f"{case.rule.name()}-{case.exercise.table.dtype}-{len(entries):03d}"
        about, arrays = _about(case), _arrays(case)
        content = as_json({**about, **listed(arrays)}) if form == "json" else as_npz(arrays)
        (folder / "inputs" / f"{stem}.{form}").write_bytes(content)
        place = {
            "input": f"inputs/{stem}.{form}",
            "sha256": hashlib.sha256(content).hexdigest(),
            "output": f"outputs/{stem}",
        }
        entries.append({**place, **about})
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "made_by": f"freqopt {__version__}",
        "cases": entries,
    }
    (folder / "manifest.json").write_bytes(as_json({**manifest, "sha256": _seal(manifest)}))
    return len(entries)


def read_folder(folder: Path) -> list[Entry]:
    """Every case of a folder, bit for bit as it was written.

    Raises
    ------
    CrosscheckError
        Naming the first file that is missing, damaged, of a newer version, or not in the manifest.
    """
    manifest = _manifest(folder)
    present = {f"inputs/{path.name}" for path in (folder / "inputs").glob("*")}
    extra = sorted(present - {about.get("input") for about in manifest})
    if extra:
        raise CrosscheckError(f"{folder / extra[0]} is not in the manifest; take it away")
    return [_entry(folder, about) for about in manifest]


def read_answer(entry: Entry) -> Floats | str:
    """The trajectory (S + 1, N, d) that somebody else has written, or why there is none.

    Raises
    ------
    CrosscheckError
        The file is missing, there are two, it is damaged or too large, or not of shape (S, N, d).
    """
    # Not with_suffix: a name may hold a dot.
    places = [entry.output.with_name(entry.output.name + end) for end in (".json", ".npz", ".txt")]
    found = [path for path in places if path.is_file()]
    if len(found) != 1:
        names = " or ".join(path.name for path in found or places)
        raise CrosscheckError(
            f"{entry.output.parent} holds {len(found)} answers for the case {entry.case.name!r}, "
            f"expected one file: {names}"
        )
    (path,) = found
    exercise = entry.case.exercise
    shape = (len(exercise.batches), *exercise.table.shape)
    most = BYTES_PER_NUMBER * (int(np.prod(shape)) + 1024)
    size = path.stat().st_size
    if size > most:
        raise CrosscheckError(f"{path} has {size} bytes, expected at most {most}; wrong shape?")
    if path.suffix == ".txt":
        return path.read_text(encoding="utf-8", errors="replace").strip() or "no reason given"
    arrays = load(path, path.read_bytes(), {"tables": exercise.table.dtype}, most)
    got = arrays["tables"]
    if got.shape != shape:
        raise CrosscheckError(
            f"{path}: 'tables' has shape {got.shape}, expected (steps, rows, columns) = {shape}"
        )
    return np.concatenate([exercise.table[None], got])


def write_answer(output: Path, tables: Floats, form: Form = "json") -> None:
    """Write a trajectory (S + 1, N, d) as the answer at `output`, which has no suffix yet."""
    arrays = {"tables": tables[1:]}
    content = as_json(listed(arrays)) if form == "json" else as_npz(arrays)
    output.with_name(f"{output.name}.{form}").write_bytes(content)


# -- a case as text and arrays, and back ------------------------------------------------------


def _about(case: Case) -> dict[str, Any]:
    rule, table = case.rule, case.exercise.table
    fields = type(rule).model_fields
    return {
        "name": case.name,
        "rule": _source(rule),
        "dtype": str(table.dtype),
        "rows": table.shape[0],
        "columns": table.shape[1],
        "steps": len(case.exercise.batches),
        "options": {key: to_text(value) for key, value in rule.model_dump().items()},
        "changed": [key for key, field in fields.items() if getattr(rule, key) != field.default],
        "given": list(case.given),
    }


def _source(rule: Rule) -> str:
    """The rule's name; the path of its file if that is a user's own."""
    module = type(rule).__module__
    if module == f"{rules.package}.{rule.name()}":
        return rule.name()
    return str(sys.modules[module].__file__)


def _arrays(case: Case) -> Arrays:
    batches = case.exercise.batches
    arrays: Arrays = {
        "table": case.exercise.table,
        "offsets": np.array([0, *(rows.size for rows, _ in batches)], np.int64).cumsum(),
        "rows": np.concatenate([rows for rows, _ in batches]),
        "grads": np.concatenate([grads for _, grads in batches]),
    }
    return arrays | {f"given.{name}": values for name, values in case.given.items()}


def _entry(folder: Path, about: Mapping[str, Any]) -> Entry:
    path = folder / about["input"]
    if not path.is_file():
        raise CrosscheckError(f"{path} is missing; write the folder again")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != about["sha256"]:
        raise CrosscheckError(f"{path} is not as it was written; write the folder again")
    floats = np.dtype(about["dtype"])
    wanted: dict[str, DTypeLike] = {
        "table": floats, "offsets": np.int64, "rows": np.int64, "grads": floats,
        **{f"given.{name}": np.float64 for name in about["given"]},
    }  # fmt: skip
    arrays = load(path, content, wanted, None)
    ends = arrays["offsets"][1:-1]
    rows, grads = np.split(arrays["rows"], ends), np.split(arrays["grads"], ends)
    options = {key: from_text(value) for key, value in about["options"].items()}
    exercise = Exercise(
        about["name"].rpartition(", ")[2],
        arrays["table"],
        tuple(zip(rows, grads, strict=True)),
    )
    case = Case(about["name"], rules[about["rule"]](**options), exercise)
    ours = {f"given.{name}": values for name, values in case.given.items()}
    if any(not np.array_equal(values, arrays.get(name, ())) for name, values in ours.items()):
        raise CrosscheckError(f"{path} hands in other values than this freqopt; write it again")
    return Entry(case, folder / about["output"])


# -- files --------------------------------------------------------------------------------------


def _manifest(folder: Path) -> list[dict[str, Any]]:
    path = folder / "manifest.json"
    if not path.is_file():
        raise CrosscheckError(
            f"{folder} has no manifest.json; `freqopt vectors write {folder}` makes such a folder"
        )
    again = "write the folder again with this freqopt"
    try:
        manifest = json.loads(path.read_bytes())
        seal, is_ours = manifest.pop("sha256", ""), manifest["format"] == FORMAT
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CrosscheckError(
            f"{path} is damaged: {type(error).__name__}: {error}; {again}"
        ) from None
    if not is_ours or manifest.get("version") != VERSION:
        raise CrosscheckError(
            f"{path} is {manifest['format']!r} version {manifest.get('version')!r}, expected "
            f"{FORMAT!r} version {VERSION}; {again}"
        )
    if seal != _seal(manifest):
        raise CrosscheckError(f"{path} is not as it was written; {again}")
    return list(manifest["cases"])


def _seal(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of everything else in a manifest."""
    return hashlib.sha256(json.dumps(manifest).encode("ascii")).hexdigest()
