"""Arrays as bytes of JSON or npz, and back, bit for bit and without trust in what is read."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import DTypeLike, NDArray

from freqopt.errors import CrosscheckError

Arrays = dict[str, NDArray[Any]]

PACKED = 2
"""How many times its own bytes an archive that is not packed has at most when it is unpacked."""

_DAMAGE = (  # what reading JSON, zip archives and NumPy's arrays can raise on any bytes
    *(ValueError, TypeError, OverflowError, RecursionError, EOFError, OSError),
    *(NotImplementedError, RuntimeError, SyntaxError, MemoryError, BadZipFile, zlib.error),
)


def load(
    path: Path,
    content: bytes,
    wanted: Mapping[str, DTypeLike],
    most: int | None,
) -> Arrays:
    """The wanted arrays of a file, each in its dtype.

    Parameters
    ----------
    path : Path
        Its suffix says the form; the rest is for messages.
    content : bytes
    wanted : name -> dtype
    most : int or None
        More bytes than this are not unpacked; None for a file that we wrote, whose archives are
        not packed.

    Raises
    ------
    CrosscheckError
        An array is missing, of another dtype, or the bytes are in no such form.
    """
    try:
        most = PACKED * len(content) if most is None else most
        found = _from_npz(content, most) if path.suffix == ".npz" else _from_json(content)
        return {name: _array(found[name], np.dtype(kind)) for name, kind in wanted.items()}
    except KeyError as error:
        raise CrosscheckError(f"{path} has no {error}; see docs/crosscheck.md") from None
    except _DAMAGE as error:
        reason = str(error).partition("\n")[0]
        raise CrosscheckError(f"{path} is damaged: {type(error).__name__}: {reason}") from None


def _from_json(content: bytes) -> Mapping[str, Any]:
    found = json.loads(content)
    if not isinstance(found, dict):
        raise TypeError("not a JSON object")
    return found


def _from_npz(content: bytes, most: int) -> Arrays:
    with ZipFile(io.BytesIO(content)) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > most:
        raise ValueError(f"unpacks to {size} bytes, expected at most {most}")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return dict(archive)


def _array(values: Any, kind: np.dtype[Any]) -> NDArray[Any]:
    """An array of the kind; a float array may come from nested lists of text."""
    if isinstance(values, np.ndarray):
        if values.dtype != kind:
            raise TypeError(f"an array of {values.dtype}, expected {kind}")
        return values
    if kind.kind != "f":
        found = np.array(_without_truths(values))
        if found.size and found.dtype.kind != "i":
            raise TypeError(f"{found.dtype} where whole numbers are expected")
        return found.astype(kind)
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and will be seen as such
        return np.array(_numbers(values), np.float64).astype(kind)


def _numbers(values: Any) -> Any:
    if isinstance(values, list):
        return [_numbers(value) for value in values]
    return float(from_text(_without_truths(values)))


def _without_truths(values: Any) -> Any:
    """The same, unless it has true or false for a number, which to Python are 1 and 0."""
    if isinstance(values, bool):
        raise TypeError(f"{str(values).lower()} where a number is expected")
    for value in values if isinstance(values, list) else ():
        _without_truths(value)
    return values


def listed(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Arrays as nested lists of text and whole numbers."""
    return {name: _texts(values.tolist()) for name, values in arrays.items()}


def _texts(values: Any) -> Any:
    return [_texts(value) for value in values] if isinstance(values, list) else to_text(values)


def to_text(value: Any) -> Any:
    """A float as C99 hexadecimal text; anything else as it is."""
    return value.hex() if isinstance(value, float) else value


def from_text(value: Any) -> Any:
    """The reverse of `to_text`; other text, such as a name, as it is."""
    if isinstance(value, str) and value.lstrip("+-")[:2] in ("0x", "0X"):
        return float.fromhex(value)
    return value


def as_json(value: Mapping[str, Any]) -> bytes:
    """One line a top-level key, so that people can look at it."""
    lines = [f"{json.dumps(key)}: {json.dumps(part)}" for key, part in value.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii")


def as_npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A NumPy archive; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
