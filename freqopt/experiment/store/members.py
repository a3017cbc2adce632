"""Which runs a study asks for, and under which label and axes: `studies/NUMBER-SHA256.parquet`.

A run does not know the studies that it belongs to; they know their runs, so that a run can belong
to several. Every form in which a study was simulated is a file; where two of one study (by its
name), backend and code have the same run, the one with the higher number holds. Beside a form whose
runs have all been stored lies an empty file, `.NUMBER-SHA256.done`: what is missing then is gone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from freqopt._fields import is_whole
from freqopt.errors import ResultError
from freqopt.experiment.store import durable

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER, SUFFIX = "studies", ".parquet"


class Member(NamedTuple):
    """A run as a point of a study."""

    key: str
    label: str
    axes: dict[str, Any]


class Membership(NamedTuple):
    """A study in one of its forms.

    Attributes
    ----------
    study : str
        Its name.
    title, backend, code : str
    members : list of Member
    path : Path
    done : bool
        All its runs have been stored.
    """

    study: str
    title: str
    backend: str
    code: str
    members: list[Member]
    path: Path
    done: bool


def write(
    results: Path, study: str, title: str, computing: Mapping[str, Any], given: Sequence[Member]
) -> Path:
    """Store which runs a study has, unless its latest form is the same.

    Parameters
    ----------
    results : Path
    study, title : str
    computing : mapping
        The backend and the hash of the code: `Keys.computing`.
    given : sequence of Member

    Returns
    -------
    Path
        The file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    about = {"study": study, "title": title}
    about |= {name: computing[name] for name in ("backend", "code")}
    axes: dict[int, str] = {}
    for one in given:
        if id(one.axes) not in axes:
            axes[id(one.axes)] = json.dumps(one.axes)
    columns = {
        "study": pa.array([study] * len(given)),
        "key": pa.array([one.key for one in given]),
        "rule": pa.array([one.label for one in given]),
        "axes": pa.array([axes[id(one.axes)] for one in given]),
    }
    table = pa.table(columns).replace_schema_metadata({"freqopt": json.dumps(about)})
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd")
    content = buffer.getvalue().to_pybytes()
    there = sorted(durable.files(results / FOLDER, SUFFIX), key=_number)
    latest = next((path for path in reversed(there) if _study(path) == study), None)
    if latest is not None and durable.is_intact(latest, content):
        return latest
    number = 1 + max((_number(path) for path in there), default=0)
    return durable.write_named(results / FOLDER, content, before=f"{number:06}-", after=SUFFIX)


def _study(path: Path) -> str | None:
    """Whose form a file is, without its members; None if that cannot be read."""
    import pyarrow.parquet as pq

    try:
        name: str = json.loads(pq.read_schema(path).metadata[b"freqopt"])["study"]
    except (OSError, LookupError, TypeError, ValueError, RuntimeError):
        return None
    return name


def finish(path: Path) -> None:
    """Note that all runs of a form are stored."""
    if not _done(path).exists():
        durable.write(_done(path), b"")


def remove(path: Path) -> None:
    """Remove a form."""
    durable.remove(_done(path))
    durable.remove(path)


def _done(path: Path) -> Path:
    """The file that says that all runs of a form are stored; hidden, for it is no Parquet file."""
    return path.with_name(f".{path.stem}.done")


def read(results: Path) -> tuple[list[Membership], dict[Path, str]]:
    """Studies in all their forms, in the order in which they were simulated; and damaged files."""
    whole, damaged = _opened(results)
    found = []
    for path, (about, table, axes) in whole.items():
        rows = zip(*(table[name].to_pylist() for name in ("key", "rule", "axes")), strict=True)
        members = [Member(key, label, axes[text]) for key, label, text in rows]
        found.append(Membership(**about, members=members, path=path, done=_done(path).exists()))
    return found, damaged


def damaged_files(results: Path) -> dict[Path, str]:
    """Files that `read` would leave out, and why; nothing is made of the others' rows."""
    return _opened(results)[1]


_Opened = tuple[dict[str, str], "pa.Table", dict[str, dict[str, Any]]]
"""What a file says of its study; its rows; the axes that they have, by their text."""


def _opened(results: Path) -> tuple[dict[Path, _Opened], dict[Path, str]]:
    """Files that are what they say they are, in the order of their numbers; and the others."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    whole, damaged = {}, {}
    for path in sorted(durable.files(results / FOLDER, SUFFIX), key=_number):
        try:
            content = path.read_bytes()
            if not durable.is_intact(path, content):
                raise ResultError("its SHA-256 is not the one in its name")
            table = pq.read_table(pa.BufferReader(content))
            said = json.loads(table.schema.metadata[b"freqopt"])
            about = {name: _text(said[name]) for name in ("study", "title", "backend", "code")}
            for name in ("key", "rule", "axes"):
                _check_text(table[name])
            texts = table["axes"].unique().to_pylist()
            whole[path] = about, table, {text: _plain(json.loads(text)) for text in texts}
        except (OSError, LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            damaged[path] = f"{path} is damaged ({error}); simulate its study again"
    return whole, damaged


def _check_text(column: pa.ChunkedArray) -> None:
    if str(column.type) != "string" or column.null_count:
        raise TypeError(f"a column of {column.type} with {column.null_count} gaps is no text")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _plain(axes: Any) -> dict[str, Any]:
    """Axes as they may be in a table."""
    whole = [value for value in axes.values() if is_whole(value)]
    if any(abs(value) >= 2**63 for value in whole):
        raise ValueError(f"{axes!r} has a number of more than 64 bits")
    return {_text(path): value for path, value in axes.items()}


def latest(memberships: Sequence[Membership]) -> list[tuple[Membership, Member]]:
    """Every run of every study once, as it was last simulated; of one form in its order."""
    claimed: dict[tuple[str, str, str], Path] = {}
    for one in memberships:
        for member in one.members:
            claimed[one.study, one.backend, member.key] = one.path
    return [
        (one, member)
        for one in memberships
        for member in one.members
        if claimed[one.study, one.backend, member.key] == one.path
    ]


def _number(path: Path) -> int:
    digits = path.name.partition("-")[0]
    return int(digits) if digits.isdecimal() else 0
