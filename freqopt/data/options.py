"""Checks of the options that a caller or a study file gives to a loader."""

from __future__ import annotations

import numpy as np

from freqopt.errors import DataError


def require_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse an option that is not one of its choices."""
    if value not in choices:
        raise DataError(
            f"{name} is {value!r}; expected one of {', '.join(map(repr, choices))}. "
            f"Correct `{name}`."
        )


def require_positive(name: str, value: object) -> None:
    """Refuse an option that is not a whole number of at least 1."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise DataError(
            f"{name} is {value!r}; expected a whole number of at least 1. Correct `{name}`."
        )
