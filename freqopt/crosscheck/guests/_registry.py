"""Guests by name, found by the files of their libraries."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

from freqopt._plugins import clash, plugins
from freqopt.crosscheck.guests._guest import Guest
from freqopt.errors import CrosscheckError


class Guests(Mapping[str, Guest]):
    """All guests, "library.Optimizer" -> `Guest`.

    Parameters
    ----------
    package : str
        Its modules without a leading underscore each hold `GUESTS`, a tuple.
    """

    def __init__(self, package: str) -> None:
        self.package = package

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __getitem__(self, name: str) -> Guest:
        known = self._all()
        found = plugins("freqopt.guests", "guest", known, _usable).get(name, [])
        if name not in known and len(found) > 1:
            raise CrosscheckError(clash("guest", name, found))
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise CrosscheckError(f"no guest is called {name!r}; {hint}")
        return known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._all()

    def _all(self) -> dict[str, Guest]:
        paths = importlib.import_module(self.package).__path__
        files = sorted(m.name for m in pkgutil.iter_modules(paths) if not m.name.startswith("_"))
        modules = [importlib.import_module(f"{self.package}.{file}") for file in files]
        own = {guest.name: guest for module in modules for guest in module.GUESTS}
        found = plugins("freqopt.guests", "guest", own, _usable)
        return {**own, **{name: these[0].value for name, these in found.items() if len(these) == 1}}


def _usable(name: str, value: Any) -> Guest:
    if not isinstance(value, Guest):
        raise TypeError(f"{value!r} is no guest, an object of Guest")
    if value.name != name:
        raise ValueError(f"it calls itself {value.name}; the entry point has the same name")
    return value
