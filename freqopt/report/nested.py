"""Types that stand inside others: token laws, sources of data, groups, each with who uses it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from freqopt.experiment.study import Study
from freqopt.optimizers import rules
from freqopt.problems import problems


@cache
def nested_types() -> dict[str, tuple[type[BaseModel], tuple[str, ...]]]:
    """Every type of a field of a rule, a problem or a study that has fields of its own.

    Returns
    -------
    dict of str to (type, tuple of str)
        By the type's name: the type, and the fields that take it, such as "pair.pairs".
    """
    found: dict[type[BaseModel], list[str]] = {}

    def visit(model: type[BaseModel], name: str) -> None:
        for key, field in model.model_fields.items():
            for kind in _inside(field.annotation):
                users = found.setdefault(kind, [])
                users.append(f"{name}.{key}")
                if len(users) == 1:
                    visit(kind, kind.__name__)

    models: dict[str, type[BaseModel]] = {**dict(rules), **dict(problems), "study": Study}
    for name, model in models.items():
        visit(model, name)
    return {kind.__name__: (kind, tuple(users)) for kind, users in sorted(found.items(), key=_name)}


def _name(entry: tuple[type[BaseModel], list[str]]) -> str:
    return entry[0].__name__


def _inside(annotation: Any) -> Iterator[type[BaseModel]]:
    """The types with fields that an annotation names, wherever in it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _inside(part)
