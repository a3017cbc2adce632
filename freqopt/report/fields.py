"""Fields of rules and problems, as a reader would say them."""

from __future__ import annotations

from collections.abc import Container
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def default(field: FieldInfo) -> str:
    """A default as a reader would say it."""
    if field.is_required():
        return "(needed)"
    value = field.get_default(call_default_factory=True)
    return "absent" if value is None else str(value)


def values(annotation: Any) -> str:
    """A type as a reader would say it."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " | ".join(map(str, parts))
    if origin is Annotated:
        return values(parts[0])
    if origin in (Union, UnionType):
        return " | ".join(values(part) for part in parts if part is not type(None))
    if origin is not None:
        return f"{origin.__name__} of {', '.join(values(p) for p in parts if p is not ...)}"
    words = {"float": "number", "int": "whole number", "str": "text", "bool": "true | false"}
    name = getattr(annotation, "__name__", str(annotation))
    return words.get(name, name)


def fields_table(model: type[BaseModel], hidden: Container[str] = ()) -> str:
    """The fields of a rule, a problem or a nested type as a Markdown table.

    Parameters
    ----------
    model : type of a rule, a problem or what stands inside one
    hidden : names of fields, optional
        Left out.

    Returns
    -------
    str
        Columns name, default, values, meaning.
    """
    rows = [
        f"| `{key}` | {cell(default(field))} | {cell(values(field.annotation))} "
        f"| {cell(field.description or '')} |"
        for key, field in model.model_fields.items()
        if key not in hidden
    ]
    return "\n".join(["| field | default | values | meaning |", "|---|---|---|---|", *rows, ""])


def cell(text: str) -> str:
    """A text as it may stand in a cell of a Markdown table."""
    return text.replace("|", "\\|")
