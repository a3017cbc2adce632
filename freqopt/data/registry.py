"""Data by name: `installed/<name>.py` for a package's data, `formats/<format>.py` for a file.

There is no list: a file in one of the two folders, with a function `read`, is a name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from freqopt.data import formats, installed
from freqopt.data.datasets import Dataset
from freqopt.errors import DataError


def format_names() -> tuple[str, ...]:
    """Formats that `load` reads, in alphabetical order.

    Returns
    -------
    tuple of str
    """
    return tuple(sorted(module.name for module in iter_modules(formats.__path__)))


def installed_names() -> tuple[str, ...]:
    """Data sets that `load` finds in installed packages, in alphabetical order.

    Returns
    -------
    tuple of str
    """
    return tuple(sorted(module.name for module in iter_modules(installed.__path__)))


def installed_file(name: str) -> Path | None:
    """The file of installed data that differ from one installation to another; None of others."""
    if name not in installed_names():
        return None
    module = import_module(f"{installed.__name__}.{name}")
    return module.file() if hasattr(module, "file") else None


def load(source: str | Path, format: str | None = None, **options: Any) -> Dataset:  # noqa: A002
    """Read a data set.

    Parameters
    ----------
    source
        The name of installed data, such as "movielens"; with `format`, the path of a file.
    format
        Name of the file's format, such as "movielens_1m".
    **options
        Passed to the `read` function of the format or data set: `order`, `sha256`, `preset`, ...

    Returns
    -------
    Dataset
        `Ratings`, `Clicks`, `TokenCounts` or `Corpus`, as the format gives it.

    Raises
    ------
    DataError
        An unknown name, format or option, or whatever is wrong with the data.

    Examples
    --------
    >>> load("u.data", format="movielens_100m")
    Traceback (most recent call last):
    freqopt.errors.DataError: format 'movielens_100m' is unknown; expected one of ...
    """
    if format is not None:
        if format not in format_names():
            raise DataError(
                f"format {format!r} is unknown; expected one of {', '.join(format_names())}. "
                "Correct `format`."
            )
        reader = import_module(f"{formats.__name__}.{format}").read
        return _call(reader, f"format {format!r}", source, **options)
    if source in installed_names():
        reader = import_module(f"{installed.__name__}.{source}").read
        return _call(reader, f"data {source!r}", **options)
    raise DataError(
        f"data {str(source)!r} without a format; expected the name of installed data "
        f"({', '.join(installed_names())}), or the path of a file together with its format "
        f"({', '.join(format_names())}). Name the format, or correct the name."
    )


def _call(reader: Callable[..., Dataset], what: str, *source: Any, **options: Any) -> Dataset:
    """Call a reader, refusing options that it does not have."""
    known = [name for name in inspect.signature(reader).parameters if name != "path"]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise DataError(
            f"{what} was given {', '.join(unknown)}; expected options among {', '.join(known)}. "
            "Remove or correct them."
        )
    return reader(*source, **options)
