"""Golden trajectories: what the reference does, in files that any language reads.

A rule has two files, a manifest `RULE.json` and its arrays in `RULE.npz` (or `RULE.arrays.json` for
languages without npz). `docs/goldens.md` describes the format. The same rule gives the same bytes.

Before anything is written both references must agree bit for bit, in tables and states, and where
`exact` knows the equations they must be within `NEAR` units in the last place of 40 digits.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from freqopt._files import is_file, read
from freqopt.crosscheck.cases.dialects import Case, cases
from freqopt.crosscheck.cases.exercises import exercises
from freqopt.crosscheck.compare import distance
from freqopt.crosscheck.exchange.encoding import Arrays, as_json, as_npz, listed, load, to_text
from freqopt.crosscheck.goldens.exact import exact
from freqopt.crosscheck.implementation import shown
from freqopt.errors import CrosscheckError
from freqopt.optimizers import rules

Form = Literal["npz", "json"]
Manifest = dict[str, Any]

FORMAT, VERSION = "freqopt goldens", 1

NEAR = 16.0
"""How far a reference may be from 40 digits: sixteen steps, about one rounding of a weight each."""


@dataclass(frozen=True)
class Difference:
    """The first place where a stored trajectory and the reference of today part.

    Attributes
    ----------
    rule, case : str
    what : str
        ``"table"``, a slot of the state, an array of an exercise, or ``"manifest"``.
    where : str
        Step, row and column, as far as the array has them.
    stored, now : str
    """

    rule: str
    case: str
    what: str
    where: str
    stored: str
    now: str

    def __str__(self) -> str:
        place = f"{self.what} {self.where}".strip()
        return f"{self.rule}, {self.case}: {place}: stored {self.stored}, now {self.now}"


# -- making ---------------------------------------------------------------------------------------


def golden_cases(rule: str) -> dict[str, Case]:
    """The cases that are kept, by all their names: every dialect with default and other numbers.

    The defaults also with limits and on the other exercises; in both dtypes, but for the wide
    exercise, which is there for long vectors of float32. Equal dialects are kept once, under both
    names.
    """
    found: list[tuple[list[str], Case]] = []
    for dtype in (np.float32, np.float64):
        own: list[tuple[list[str], Case]] = []
        for case in filter(_kept, cases(rule, dtype)):
            same = [names for names, c in own if _same(c, case)]
            if same:
                same[0].append(case.name)
            else:
                own.append(([case.name], case))
        found += own
    return {f"{' = '.join(names)} ({case.exercise.table.dtype})": case for names, case in found}


def _same(one: Case, other: Case) -> bool:
    return one.rule == other.rule and one.exercise.name == other.exercise.name


def _kept(case: Case) -> bool:
    dialect, numbers, exercise = case.name.rsplit(", ", 2)
    if exercise != "main":
        narrow = case.exercise.table.dtype == np.float32
        return numbers == "other numbers" and (narrow or exercise != "wide")
    return " = " not in dialect and (numbers != "limits" or dialect == "defaults")


def make(rule: str, *, confirm: bool) -> tuple[Manifest, Arrays]:
    """The manifest of a rule, without its file and hash, and the arrays.

    Parameters
    ----------
    rule : str
        A rule's name.
    confirm : bool
        Whether the second reference and mpmath are asked, too.

    Raises
    ------
    CrosscheckError
        They do not agree.
    """
    chosen, arrays = golden_cases(rule), {}
    narrow = exercises(np.float32)  # every number is exact there, so one copy for both dtypes
    for name in {case.exercise.name: None for case in chosen.values()}:
        batches = narrow[name].batches
        arrays[f"{name}.table"] = narrow[name].table
        arrays[f"{name}.offsets"] = np.array([0, *(rows.size for rows, _ in batches)]).cumsum()
        arrays[f"{name}.rows"] = np.concatenate([rows for rows, _ in batches])
        arrays[f"{name}.grads"] = np.concatenate([grads for _, grads in batches])
    about = []
    for k, (name, case) in enumerate(chosen.items()):
        tables, states = _run(case, case.rule.step)
        if confirm:
            _confirm(case, tables, states)
        for slot, values in case.given.items():
            arrays[f"{case.exercise.name}.given.{slot}"] = values
        arrays[f"{k}.tables"] = tables
        for slot, values in states.items():
            arrays[f"{k}.{slot}"] = values
        about.append(_about(name, case, states))
    head = {"format": FORMAT, "version": VERSION, "rule": rules[rule].name()}
    return {**head, "cases": about}, arrays


def _run(case: Case, step: Any) -> tuple[NDArray[np.floating], Arrays]:
    """Tables (S, N, d) and states (S, ...) after each step; of stored gradients the last only."""
    rule, table = case.rule, case.exercise.table.copy()
    state = rule.init(table, **case.given)
    tables, states = [], []
    for rows, grads in case.exercise.batches:
        step(table, state, rows, grads)
        tables.append(shown(rule, table, state))
        states.append({name: values.copy() for name, values in state.items()})
    last = {slot.name for slot in rule.all_slots() if slot.copies}
    known = [slot.name for slot in rule.all_slots() if not slot.given]
    return np.array(tables), {
        name: np.array([kept[name] for kept in (states[-1:] if name in last else states)])
        for name in known
    }


def _confirm(case: Case, tables: NDArray[np.floating], states: Arrays) -> None:
    """Ask the second reference and 40 digits."""
    slow_tables, slow_states = _run(case, case.rule.slow_step)
    both = {"table": (tables, slow_tables)} | {n: (x, slow_states[n]) for n, x in states.items()}
    for what, (fast, slow) in both.items():
        if not np.array_equal(fast, slow, equal_nan=True):
            raise CrosscheckError(
                f"the two references of {case.rule.name()} differ in {case.name}: {what}; "
                "nothing is written until they agree"
            )
    third = exact(case)
    if third is not None:
        start = case.exercise.table
        off = distance(third.astype(start.dtype), np.concatenate([start[None], tables])).max()
        if off > NEAR:
            raise CrosscheckError(
                f"{case.rule.name()}, {case.name}: the references are {off:g} units in the last "
                f"place from 40 digits, expected at most {NEAR:g}; nothing is written"
            )


def _about(name: str, case: Case, states: Arrays) -> dict[str, Any]:
    rule, fields = case.rule, type(case.rule).model_fields
    return {
        "name": name,
        "exercise": case.exercise.name,
        "dtype": str(case.exercise.table.dtype),
        "options": {key: to_text(value) for key, value in rule.model_dump().items()},
        "changed": [key for key, field in fields.items() if getattr(rule, key) != field.default],
        "given": list(case.given),
        "state": {slot: str(values.dtype) for slot, values in states.items()},
    }


# -- files ----------------------------------------------------------------------------------------


def write_goldens(folder: Path, names: list[str], form: Form = "npz") -> int:
    """Write the goldens of rules, over those that are there; how many trajectories they hold.

    Raises
    ------
    CrosscheckError
        The references do not agree, mpmath is not installed, or the folder cannot be made.
    """
    made = []
    for name in names:
        try:
            made.append(make(name, confirm=True))
        except ImportError:
            raise CrosscheckError(
                "mpmath is asked before goldens are written, and is not installed; "
                "pip install mpmath"
            ) from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CrosscheckError(f"{folder} cannot be made: {error.strerror}; give another") from None
    for manifest, arrays in made:
        name = manifest["rule"]
        content = as_npz(arrays) if form == "npz" else as_json(listed(arrays))
        path = folder / (f"{name}.npz" if form == "npz" else f"{name}.arrays.json")
        path.write_bytes(content)
        place = {"arrays": path.name, "sha256": hashlib.sha256(content).hexdigest()}
        (folder / f"{name}.json").write_bytes(_manifest_text({**manifest, **place}))
    return sum(len(manifest["cases"]) for manifest, _ in made)


def read_goldens(folder: Path, name: str) -> tuple[Manifest, Arrays]:
    """The manifest of a rule and its arrays, as they were written.

    Raises
    ------
    CrosscheckError
        A file is missing, damaged, or of another version.
    """
    path = folder / f"{rules[name].name()}.json"
    if not is_file(path) or path.is_symlink():
        raise CrosscheckError(
            f"{path} is {_lacking(path)}; freqopt goldens --write {folder} makes it"
        )
    try:
        manifest = json.loads(read(path))
        form, version = manifest["format"], manifest["version"]
        ours = (form, version) == (FORMAT, VERSION)
        file = folder / Path(manifest["arrays"]).name if ours else path
        expected, wanted = (manifest["sha256"], _dtypes(manifest)) if ours else ("", {})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CrosscheckError(
            f"{path} is damaged ({type(error).__name__}: {error}); write it again"
        ) from None
    if not ours:
        raise CrosscheckError(
            f"{path} is {form!r} version {version!r}, expected {FORMAT!r} version {VERSION}; "
            "read it with the freqopt that wrote it, or write it again"
        )
    if not is_file(file) or file.is_symlink():
        raise CrosscheckError(
            f"{file} is {_lacking(file)}, and {path.name} describes it; write both again"
        )
    content = read(file)
    if hashlib.sha256(content).hexdigest() != expected:
        raise CrosscheckError(
            f"{file} is not the file that {path.name} describes (SHA-256); write both again"
        )
    return manifest, load(file, content, wanted, None)


def _lacking(path: Path) -> str:
    """Why there is no golden: links may lead out of the folder."""
    return "a link or no regular file" if os.path.lexists(path) else "missing"


def check_goldens(folder: Path, names: list[str]) -> Iterator[Difference]:
    """The first difference of every stored trajectory from what the reference does today.

    Raises
    ------
    CrosscheckError
        As `read_goldens`.
    """
    for name in names:
        (stored, old), (manifest, new) = read_goldens(folder, name), make(name, confirm=False)
        if stored["cases"] != manifest["cases"]:
            yield _manifest_difference(name, stored["cases"], manifest["cases"])
            continue
        about = [case["name"] for case in manifest["cases"]]
        seen = set()
        for key in new:
            owner, _, what = key.partition(".")
            if owner not in seen and (place := _first(old[key], new[key])) is not None:
                seen.add(owner)
                case = about[int(owner)] if owner.isdigit() else f"exercise {owner}"
                yield Difference(name, case, what.replace("tables", "table"), *place)


def _first(old: NDArray[Any], new: NDArray[Any]) -> tuple[str, str, str] | None:
    """Where two arrays first differ in a bit, and what stands there."""
    if old.shape != new.shape or old.dtype != new.dtype:
        return "", f"{old.dtype} of shape {old.shape}", f"{new.dtype} of shape {new.shape}"
    bits = f"u{old.dtype.itemsize}"
    apart = np.argwhere(
        np.ascontiguousarray(old).view(bits) != np.ascontiguousarray(new).view(bits)
    )
    if not apart.size:
        return None
    at = tuple(int(i) for i in apart[0])
    labels = {1: ("step",), 2: ("step", "row"), 3: ("step", "row", "column")}.get(len(at), ())
    where = ", ".join(
        f"{label} {i + (label == 'step')}" for label, i in zip(labels, at, strict=True)
    )
    return where or f"at {at}", repr(old[at].item()), repr(new[at].item())


def _manifest_difference(
    rule: str, old: list[dict[str, Any]], new: list[dict[str, Any]]
) -> Difference:
    for left, right in zip(old, new, strict=False):
        if left != right:
            key = next(k for k in right if left.get(k) != right[k])
            return Difference(
                rule, str(right["name"]), f"manifest {key}", "", str(left.get(key)), str(right[key])
            )
    return Difference(rule, "all", "manifest", "", f"{len(old)} cases", f"{len(new)} cases")


def report(difference: Difference) -> dict[str, str]:
    """A difference as JSON."""
    return asdict(difference)


def _dtypes(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Every array of a golden and its dtype."""
    wanted: dict[str, str] = {}
    for k, case in enumerate(manifest["cases"]):
        name = case["exercise"]
        wanted |= {f"{name}.{part}": "float32" for part in ("table", "grads")}
        wanted |= {f"{name}.{part}": "int64" for part in ("offsets", "rows")}
        wanted |= {f"{name}.given.{slot}": "float64" for slot in case["given"]}
        wanted[f"{k}.tables"] = case["dtype"]
        wanted |= {f"{k}.{slot}": dtype for slot, dtype in case["state"].items()}
    return wanted


def _manifest_text(manifest: Manifest) -> bytes:
    """JSON with one line a case."""
    about = ",\n".join(f"  {json.dumps(case)}" for case in manifest["cases"])
    head = {key: value for key, value in manifest.items() if key != "cases"}
    lines = "".join(f"{json.dumps(key)}: {json.dumps(value)},\n" for key, value in head.items())
    return f'{{\n{lines}"cases": [\n{about}\n]\n}}\n'.encode("ascii")
