"""What other packages register, through entry points: rules, problems, metrics, backends, guests.

    [project.entry-points."freqopt.rules"]
    lion8 = "their_package.lion8:Lion8"

One that is broken is left out with one sentence, and takes nothing else along.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Container
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from freqopt.errors import in_words


class PluginWarning(UserWarning):
    """A package registers something that cannot be used."""


class Plugin(NamedTuple):
    """What a package registers under a name."""

    package: str
    value: Any


@cache
def _entries(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of all installed packages, once: to look for them takes some 20 ms."""
    return tuple(entry_points(group=group))


_loaded: dict[str, dict[str, list[Plugin]]] = {}


def plugins(
    group: str, noun: str, taken: Container[str], usable: Callable[[str, Any], Any]
) -> dict[str, list[Plugin]]:
    """What is registered in a group, by name; several packages may have taken one name.

    Parameters
    ----------
    group : str
        "freqopt.rules"
    noun : str
        What such a thing is called in messages.
    taken : names
        Those of the library, which nobody else can have.
    usable : function (name, what was registered) -> what is used of it
        Raises an exception that says why, if there is nothing.
    """
    if group not in _loaded:
        found = _loaded[group] = {}
        for entry in _entries(group):
            package, why = entry.dist.name if entry.dist else "?", ""
            if entry.name in taken:
                why = f"freqopt has a {noun} of that name"
            else:
                try:
                    value = usable(entry.name, entry.load())
                    found.setdefault(entry.name, []).append(Plugin(package, value))
                except (Exception, SystemExit) as error:
                    why = in_words(error)
            if why:
                warnings.warn(
                    f"the {noun} {entry.name!r} of package {package} is left out: {why}; update "
                    f"or uninstall {package}",
                    PluginWarning,
                    stacklevel=2,
                )
    return _loaded[group]


def clash(noun: str, name: str, found: list[Plugin]) -> str:
    """What is said of a name that several packages have taken."""
    packages = " and ".join(plugin.package for plugin in found)
    return (
        f"the {noun} {name!r} is registered by {packages}; uninstall one of them, or give the path "
        "of a file"
    )
