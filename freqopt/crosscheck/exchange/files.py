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
    rule, dtype         "adam", or the name of the file of a user's own rule; "float32" or "float64"
    rows, columns, steps
    options             every option of the rule
    changed             names of the options that are off their default
    given               names of state slots that the case hands in ("frequency")
    life                what happens beside the steps, if something does

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

A folder is data, whoever made it: its manifest names no code and no file outside. The file of a
rule of one's own is named by whoever has the folder checked.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from freqopt._files import is_folder, read
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
from freqopt.crosscheck.exchange.manifest import FORMAT, VERSION, About, inside, read_manifest, seal
from freqopt.errors import CrosscheckError
from freqopt.optimizers import Rule, rules
from freqopt.typing import Floats

Form = Literal["json", "npz"]

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


def check_new(folder: Path) -> None:
    """Raise CrosscheckError if a folder has something in it, or is none."""
    try:
        if os.path.lexists(folder) and (not is_folder(folder) or any(folder.iterdir())):
            raise CrosscheckError(f"{folder} exists and is not an empty folder; give a new one")
        (folder / "inputs").mkdir(parents=True)
        (folder / "inputs").rmdir()
    except OSError as error:
        raise CrosscheckError(f"{folder} cannot be made: {error.strerror}; give another") from None


def write_folder(folder: Path, cases: Iterable[Case], form: Form = "json") -> int:
    """Write the inputs of cases to a new folder; how many.

    Raises
    ------
    CrosscheckError
        The folder has something in it, or cannot be made.
    """
    check_new(folder)
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
    (folder / "manifest.json").write_bytes(as_json({**manifest, "sha256": seal(manifest)}))
    return len(entries)


def read_folder(folder: Path, own_rule: str = "") -> list[Entry]:
    """Every case of a folder, bit for bit as it was written.

    Parameters
    ----------
    folder : Path
    own_rule : str
        Path of the file of a rule of one's own, if the cases are of one.

    Raises
    ------
    CrosscheckError
        Naming the first file that is missing, damaged, of a newer version, not in the manifest, or
        outside the folder.
    """
    manifest = read_manifest(folder)
    present = {f"inputs/{path.name}" for path in (folder / "inputs").glob("*")}
    extra = sorted(present - {about.input for about in manifest})
    if extra:
        raise CrosscheckError(f"{folder / extra[0]} is not in the manifest; take it away")
    return [_entry(folder, about, own_rule) for about in manifest]


def read_answer(entry: Entry) -> Floats | str:
    """The trajectory (S + 1, N, d) that somebody else has written, or why there is none.

    Raises
    ------
    CrosscheckError
        The file is missing, there are two, it is damaged or too large, or not of shape (S, N, d).
    """
    # Not with_suffix: a name may hold a dot.
    places = [entry.output.with_name(entry.output.name + end) for end in (".json", ".npz", ".txt")]
    found = [path for path in places if os.path.lexists(path)]
    if len(found) != 1:
        names = " or ".join(path.name for path in found or places)
        raise CrosscheckError(
            f"{entry.output.parent} holds {len(found)} answers for the case {entry.case.name!r}, "
            f"expected one file: {names}"
        )
    path = inside(found[0])
    exercise = entry.case.exercise
    shape = (len(exercise.batches), *exercise.table.shape)
    most = BYTES_PER_NUMBER * (int(np.prod(shape)) + 1024)
    size = path.stat().st_size
    if size > most:
        raise CrosscheckError(f"{path} has {size} bytes, expected at most {most}; wrong shape?")
    if path.suffix == ".txt":
        return read(path).decode("utf-8", "replace").strip() or "no reason given"
    arrays = load(path, read(path), {"tables": exercise.table.dtype}, most)
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
        **({"life": case.life} if case.life else {}),
    }


def _source(rule: Rule) -> str:
    """The rule's name; the name of its file if that is a user's own."""
    module = type(rule).__module__
    if module == f"{rules.package}.{rule.name()}":
        return rule.name()
    return Path(str(sys.modules[module].__file__)).name


def _arrays(case: Case) -> Arrays:
    batches = case.exercise.batches
    arrays: Arrays = {
        "table": case.exercise.table,
        "offsets": np.array([0, *(rows.size for rows, _ in batches)], np.int64).cumsum(),
        "rows": np.concatenate([rows for rows, _ in batches]),
        "grads": np.concatenate([grads for _, grads in batches]),
    }
    return arrays | {f"given.{name}": values for name, values in case.given.items()}


def _entry(folder: Path, about: About, own_rule: str) -> Entry:
    path = folder / about.input
    if not os.path.lexists(path):
        raise CrosscheckError(f"{path} is missing; write the folder again")
    content = read(inside(path))
    if hashlib.sha256(content).hexdigest() != about.sha256:
        raise CrosscheckError(f"{path} is not as it was written; write the folder again")
    try:
        options = {key: from_text(value) for key, value in about.options.items()}
    except (ValueError, OverflowError) as error:
        raise CrosscheckError(f"{about.input}: an option is no number: {error}") from None
    rule = rules[_named(about.rule, own_rule)](**options)
    exercise = Exercise(about.name.rpartition(", ")[2], *_exercise(path, content, about))
    case = Case(about.name, rule, exercise, about.life)
    wanted: dict[str, DTypeLike] = {f"given.{name}": np.float64 for name in about.given}
    handed = load(path, content, wanted, None)
    ours = {f"given.{name}": values for name, values in case.given.items()}
    if any(not np.array_equal(values, handed.get(name, ())) for name, values in ours.items()):
        raise CrosscheckError(f"{path} hands in other values than this freqopt; write it again")
    return Entry(case, folder / about.output)


def _named(rule: str, own_rule: str) -> str:
    """What the registry is asked for: a name of ours, or the file that the caller has named."""
    if rule in rules:
        return rule
    if not own_rule or Path(own_rule).name != Path(rule).name:
        raise CrosscheckError(
            f"the cases are of the rule {rule!r}, which is none of freqopt's; a folder of data "
            "names no code, so give the rule's file yourself: --rule PATH"
        )
    return own_rule


def _exercise(
    path: Path, content: bytes, about: About
) -> tuple[Floats, tuple[tuple[NDArray[np.int64], Floats], ...]]:
    """The table and the batches of a case, of the shapes that the manifest says."""
    floats = np.dtype(about.dtype)
    wanted: dict[str, DTypeLike] = {
        "table": floats,
        "offsets": np.int64,
        "rows": np.int64,
        "grads": floats,
    }
    arrays = load(path, content, wanted, None)
    table, offsets, rows, grads = arrays.values()
    shapes = (
        (about.rows, about.columns),
        (about.steps + 1,),
        (rows.size,),
        (rows.size, about.columns),
    )
    for (name, array), shape in zip(arrays.items(), shapes, strict=True):
        if array.shape != shape:
            raise CrosscheckError(f"{path}: {name!r} has shape {array.shape}, expected {shape}")
    if offsets[0] != 0 or offsets[-1] != rows.size or (np.diff(offsets) < 0).any():
        raise CrosscheckError(
            f"{path}: 'offsets' do not rise from 0 to the {rows.size} occurrences"
        )
    if rows.size and not 0 <= rows.min() <= rows.max() < about.rows:
        raise CrosscheckError(f"{path}: 'rows' are not all from 0 to {about.rows - 1}")
    ends = offsets[1:-1]
    return table, tuple(zip(np.split(rows, ends), np.split(grads, ends), strict=True))
