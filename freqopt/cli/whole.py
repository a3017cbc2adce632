"""Options that are whole numbers: 1.5 is refused, which the library of commands cuts to 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cyclopts import Parameter, Token


def _whole(_type: Any, tokens: Sequence[Token]) -> int:
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"expected a whole number, got {tokens[0].value[:100]!r}") from None


WHOLE = Parameter(converter=_whole)
"""Beside an option's type."""
