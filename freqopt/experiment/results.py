"""Stored results as one table: those of a study, or all of a folder."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from freqopt._files import as_path, is_folder
from freqopt.backends import DEFAULT
from freqopt.errors import ResultError
from freqopt.experiment.grid import expand
from freqopt.experiment.store import durable, members
from freqopt.experiment.store.keys import Keys
from freqopt.experiment.store.segments import SUFFIX, Segments
from freqopt.experiment.study import Study

if TYPE_CHECKING:
    import pyarrow as pa


class DamageWarning(UserWarning):
    """Files of a folder are left out."""


COLUMNS = ("run", "step", "metric", "table", "group", "token", "value")


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
        runs also have `study` and `code`, since it may hold several of each; a run that belongs
        to several studies is there once for each.

    Raises
    ------
    StudyError
        `what` is neither a study nor a folder.
    ResultError
        Runs are missing or damaged.
    """
    if isinstance(what, str | Path) and what and is_folder(what):
        return _of_folder(Path(what))
    study = what if isinstance(what, Study) else Study.read(what, quick=quick)
    if study.tune is not None:
        from freqopt.experiment.protocol.conduct import chosen  # which reads tables by this module

        study = chosen(study, results=results, backend=backend)[0].final
    return table_of(study, results=results, backend=backend, quick=quick)


def table_of(
    study: Study, *, results: str | Path = "results", backend: str = DEFAULT, quick: bool = False
) -> pa.Table:
    """Stored runs of a study of one stage, as `load` gives them."""
    keys, points, segments = (
        Keys(backend),
        expand(study),
        Segments(as_path(results, "folder of results", ResultError)),
    )
    names = [keys.key(point) for point in points]
    segments.refresh()
    missing = sum(name not in segments.places for name in names)
    if missing:
        raise ResultError(
            f"{missing} of the {len(names)} runs of {study.source} are not in {results}"
            f"{_damage(segments)}; simulate it first: freqopt simulate "
            f"{'--quick ' if quick else ''}{study.source} --results {results}. A change of the "
            "library's code makes earlier runs stale"
        )
    columns: dict[str, list[Any]] = {"rule": [point.label for point in points]}
    columns |= {path: [point.axes[path] for point in points] for path in points[0].axes}
    return _joined(segments, names, columns)


def _of_folder(folder: Path) -> pa.Table:
    """The runs of every study in a folder."""
    segments = Segments(folder)
    segments.refresh()
    memberships, damaged = members.read(folder)
    known = members.latest(memberships)
    belong = [(one, member) for one, member in known if member.key in segments.places]
    if not belong:
        old = len(durable.files(folder, SUFFIX, whole=True))
        reason = next(iter(damaged.values()), "simulate a study into it")
        if old:
            reason = f"`freqopt results migrate {folder}` takes over {old} of an earlier version"
        raise ResultError(f"the folder {folder} holds no results{_damage(segments)}; {reason}")
    for sentence in [*_sentences(segments), *damaged.values()]:
        warnings.warn(f"{sentence}: the rest of {folder} is loaded", DamageWarning, stacklevel=3)
    paths = sorted({path for _, member in belong for path in member.axes})
    columns: dict[str, list[Any]] = {
        "study": [one.study for one, _ in belong],
        "code": [one.code for one, _ in belong],
        "rule": [member.label for _, member in belong],
        **{path: [member.axes.get(path) for _, member in belong] for path in paths},
    }
    return _joined(segments, [member.key for _, member in belong], columns)


def _damage(segments: Segments) -> str:
    """What is wrong with files of the folder, for a message."""
    wrong = _sentences(segments)
    others = f" (and {len(wrong) - 1} more files)" if wrong[1:] else ""
    return f": {wrong[0]}{others}" if wrong else ""


def _sentences(segments: Segments) -> list[str]:
    found = segments.damaged | segments.foreign
    return [f"{path} {reason}" for path, reason in found.items()]


def _joined(segments: Segments, keys: Sequence[str], columns: dict[str, list[Any]]) -> pa.Table:
    """The runs' rows below each other, each with its run's values in the given columns."""
    import pyarrow as pa

    places = [segments.places[key] for key in keys]
    offsets: dict[Path, int] = {}
    tables, total = [], 0
    for path in dict.fromkeys(place.path for place in places):
        tables.append(segments.read(path, [*COLUMNS, "diverged_at"]))
        offsets[path] = total
        total += tables[-1].num_rows
    first = np.array([offsets[place.path] + place.first for place in places])
    rows = np.array([place.rows for place in places])
    owner = np.repeat(np.arange(len(places)), rows)
    before = np.concatenate([[0], np.cumsum(rows)])
    chosen = np.arange(before[-1]) - np.repeat(before[:-1] - first, rows)
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    if not np.array_equal(chosen, np.arange(total)):
        table = table.take(pa.array(chosen))
    front = {name: _array(values).take(pa.array(owner)) for name, values in columns.items()}
    front["diverged_at"] = table["diverged_at"]
    return pa.table({**front, **{name: table[name] for name in COLUMNS}})


def _array(values: list[Any]) -> pa.Array:
    """Numbers as numbers; anything else as text."""
    import pyarrow as pa

    if any(isinstance(value, dict | list | str | bool) for value in values):
        texts = [v if isinstance(v, str) or v is None else json.dumps(v) for v in values]
        return pa.array(texts, pa.string()).dictionary_encode()
    return pa.array(values, pa.float64() if any(isinstance(v, float) for v in values) else None)
