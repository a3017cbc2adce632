"""A library that may or may not be installed."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from freqopt._install import install
from freqopt.errors import CrosscheckError


@dataclass(frozen=True)
class Library:
    """Where a guest comes from.

    Attributes
    ----------
    name : str
        The first part of its guests' names.
    module : str
        What is imported.
    distributions : tuple of str
        Names under which it is installed; the first that is there gives the version.
    also : str
        What the extra cannot do, as a command to run after it.
    extra : str
        The extra of freqopt that installs it, if not the one of its name.
    install : str
        How it is installed, as a command, if no extra does it.
    """

    name: str
    module: str
    distributions: tuple[str, ...]
    also: str = ""
    extra: str = ""
    install: str = ""

    @property
    def present(self) -> bool:
        """Whether it is installed; it is not imported to find out."""
        return importlib.util.find_spec(self.module) is not None

    @property
    def version(self) -> str | None:
        """The installed version, None if it is absent."""
        if not self.present:
            return None
        for distribution in self.distributions:
            try:
                return importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                continue
        return None

    @property
    def absence(self) -> str:
        """What to do if it is not installed."""
        then, extra = f", then {self.also}" if self.also else "", self.extra or self.name
        return f"{extra} is not installed; {self.install or install(extra)}{then}"

    def demand(self) -> None:
        """Raise CrosscheckError, naming the extra, if it is not installed.

        Raises
        ------
        CrosscheckError
            It is not installed.
        """
        if not self.present:
            raise CrosscheckError(self.absence)


def load(module: str) -> Any:
    """Import a module of a guest's library: at the first step, not before.

    Parameters
    ----------
    module : str
        Dotted.

    Returns
    -------
    module
    """
    return importlib.import_module(module)


@contextmanager
def quiet() -> Iterator[None]:
    """Without Python's warnings: those of a library about its own code are not the user's.

    Yields
    ------
    None
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
