"""The base of what a user describes by fields: rules, problems, studies and their parts."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, model_validator
from pydantic.fields import FieldInfo

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Fields(BaseModel):
    """Immutable fields, each of which takes values of its own kind only.

    No text and no truth value is taken for a number, and no fraction for an integer. NumPy's
    scalars and arrays count as the plain values they hold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _of_their_kind(cls, given: Any, take: ModelWrapValidatorHandler[Self]) -> Self:
        given = plain(given)
        made = take(given)
        for name, value in given.items() if isinstance(given, dict) else ():
            if kind := _converted(value, getattr(made, name)):
                raise ValueError(f"{name} = {value!r}: input should be a valid {kind}")
        return made


def choices(field: FieldInfo) -> tuple[Any, ...]:
    """Every value that a field may have, where it names them or is a switch; else none."""
    if get_origin(field.annotation) is Literal:
        return get_args(field.annotation)
    return (False, True) if field.annotation is bool else ()


def plain(value: Any) -> Any:
    """The value with NumPy's scalars and arrays made Python's, also inside lists and mappings."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def is_whole(value: object) -> bool:
    """Whether a value is an integer, Python's or NumPy's, and not a truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _converted(given: Any, taken: Any) -> str:
    """What was made from something else: a boolean, an integer, a number; empty if nothing was."""
    if isinstance(taken, list | tuple) and isinstance(given, list):
        return next(filter(None, map(_converted, given, taken)), "")
    if isinstance(taken, dict) and isinstance(given, dict):
        return next(filter(None, (_converted(given[key], taken.get(key)) for key in given)), "")
    if isinstance(taken, bool):
        return "" if isinstance(given, bool) else "boolean"
    if isinstance(taken, int):
        short = -(2**63) <= taken < 2**64
        return "" if is_whole(given) and short else "integer" if short else "integer of 64 bits"
    if isinstance(taken, float):
        return "" if isinstance(given, float) or is_whole(given) else "number"
    return ""
