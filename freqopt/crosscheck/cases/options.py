"""Options of a rule as a user types them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from freqopt.errors import CrosscheckError


def read_options(given: Iterable[str], by: str = "--set") -> dict[str, Any]:
    """Options of a rule from KEY=VALUE: a number, true, false, none, or a name.

    Parameters
    ----------
    given : texts
    by : str
        The option of the command that they came by, for a message.
    """
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise CrosscheckError(f"{by} {text}: expected KEY=VALUE, for example lr=0.05")
        found[name.strip()] = _value(value.strip())
    return found


def _value(text: str) -> Any:
    named = {"true": True, "false": False, "none": None}
    if text.lower() in named:
        return named[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
