"""The manifest of a folder of cases: read as data, which names no code and no file outside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from freqopt._files import is_file, read
from freqopt.errors import CrosscheckError, describe

FORMAT, VERSION = "freqopt vectors", 1

Count = Annotated[int, Field(ge=0, lt=2**31)]
Scalar = bool | int | float | str | None


class About(BaseModel):
    """What a manifest says of one case; `files` has the meanings."""

    model_config = ConfigDict(strict=True, frozen=True)

    input: Annotated[str, Field(pattern=r"^inputs/[^/\\\x00-\x1f]+\.(json|npz)$")]
    sha256: str
    output: Annotated[str, Field(pattern=r"^outputs/[^/\\\x00-\x1f]*[^/\\\x00-\x1f.]$")]
    name: str
    rule: str
    dtype: Literal["float32", "float64"]
    rows: Annotated[Count, Field(gt=0)]
    columns: Annotated[Count, Field(gt=0)]
    steps: Annotated[Count, Field(gt=0)]
    options: dict[str, Scalar]
    changed: list[str]
    given: list[str]
    life: Literal["", "save", "rate", "idle", "accumulate"] = ""


def read_manifest(folder: Path) -> list[About]:
    """What a folder says of its cases.

    Raises
    ------
    CrosscheckError
        The manifest is missing, damaged, of another format or version, or says something else of a
        case than can be said.
    """
    path = folder / "manifest.json"
    if not is_file(path):
        raise CrosscheckError(
            f"{folder} has no manifest.json; `freqopt vectors write {folder}` makes such a folder"
        )
    again = "write the folder again with this freqopt"
    try:
        manifest = json.loads(read(path))
        sealed, form, version = manifest.pop("sha256", ""), manifest["format"], manifest["version"]
        intact = sealed == seal(manifest)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CrosscheckError(
            f"{path} is damaged: {type(error).__name__}: {error}; {again}"
        ) from None
    if (form, version) != (FORMAT, VERSION):
        raise CrosscheckError(
            f"{path} is {form!r} version {version!r}, expected {FORMAT!r} version {VERSION}; "
            f"{again}"
        )
    if not intact:
        raise CrosscheckError(f"{path} is not as it was written; {again}")
    try:
        return TypeAdapter(list[About]).validate_python(manifest.get("cases"))
    except ValidationError as error:
        raise CrosscheckError(f"{describe(error, f'{path}: cases')}; {again}") from None


def inside(path: Path) -> Path:
    """The path of a file of a folder (FOLDER/ROOM/NAME), unless it leads out of there by a link.

    Raises
    ------
    CrosscheckError
    """
    room = path.parent
    if path.is_symlink() or room.is_symlink() or not is_file(path):
        raise CrosscheckError(
            f"{path} is a link or no regular file; only files inside {room.parent} are read"
        )
    return path


def seal(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of everything else in a manifest."""
    return hashlib.sha256(json.dumps(manifest).encode("ascii")).hexdigest()
