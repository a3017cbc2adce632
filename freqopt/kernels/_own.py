"""Whether a rule or a problem has a kernel of its own, and what to write where it has none."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Container
from types import FunctionType
from typing import Any

from freqopt.errors import BackendError

FREE = {"kernel", "name", "slots"}
"""Methods that a rule may define without changing what its parent's kernel means."""


def check_own(kind: type[Any], meant: Container[str] = ()) -> None:
    """Raise BackendError, with what to write in its file, if a class has no kernel of its own.

    A class that replaces what its parent's kernel means has left that kernel.

    Parameters
    ----------
    kind : type
        A rule or a problem.
    meant : names
        What a kernel means; by default all methods, but for those that are `FREE`.
    """
    line = [one for one in kind.__mro__ if "kernel" in vars(one)]
    owner, base = line[0], line[-1]  # the last is `Rule`
    if owner is base:
        raise BackendError(_missing(kind, base))
    for one in kind.__mro__[: kind.__mro__.index(owner)]:
        if one.__module__.startswith("freqopt."):
            continue  # the library's tests compare them
        for name, value in vars(one).items():
            replaced = name in meant if meant else _replaces(name, value)
            if replaced and hasattr(owner, name):
                raise BackendError(
                    f"{_noun(base)} {kind.name()} replaces {name}, and its kernel is that of "
                    f"{owner.__name__}; write its own: {_where(one)}"
                )


def _replaces(name: str, value: Any) -> bool:
    method = isinstance(value, (FunctionType, property))
    return method and name not in FREE and not name.startswith("__")


def _noun(base: type[Any]) -> str:
    return base.__name__.lower()


def _missing(kind: type[Any], base: type[Any]) -> str:
    module = sys.modules.get(kind.__module__)
    if isinstance(getattr(module, "kernel", None), FunctionType):
        what = f"its kernel stands outside of the class; move it into class {kind.__name__}"
    elif "slow_update" in dir(kind):
        what = "its slow_update is no longer read; write it as kernel"
    else:
        what = "it has no kernel; write one"
    return f"{_noun(base)} {kind.name()} runs in NumPy only: {what}: {_where(kind)}"


def _where(kind: type[Any]) -> str:
    return (
        f"`def kernel` in class {kind.__name__} of {file_of(kind)} (docs/add_a_rule.md and "
        "docs/add_a_problem.md have one)"
    )


def file_of(kind: type[Any]) -> str:
    """The file of a class, or its module where there is no file."""
    try:
        return inspect.getsourcefile(kind) or kind.__module__
    except TypeError:
        return kind.__module__
